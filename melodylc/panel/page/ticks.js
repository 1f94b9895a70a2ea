// A worker that only ticks: browsers slow down the timers of a page in the background, but not those of its workers.

setInterval(() => postMessage(null), 25);
