// A worker that only ticks: browsers slow down the timers of a page in the background, those of its workers they do not.

setInterval(() => postMessage(null), 25);
