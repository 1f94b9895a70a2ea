"""Scripts that try the player in a page."""

# What every script of these tests begins with. Woodblock: short, so that each onset stands alone.
PROLOGUE = """
const { Player } = await import("/sound.js");
const player = new Player();
const errors = [];
player.addEventListener("error", (event) => errors.push(event.detail.text));
player.program = 115;
player.volume = 1;
const notesAt = (...starts) => starts.map((start, i) => ({ pitch: 84 + i % 5, start, end: start + 1 }));
const text = (array) => {
  const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
  let all = "";
  for (let i = 0; i < bytes.length; i += 8192) all += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return btoa(all);
};
const rendered = async (...arguments_) => {
  const buffer = await player.render(...arguments_);
  if (errors.length) throw new Error(errors.join());
  return text(buffer.getChannelData(0));
};
const wait = (seconds) => new Promise((resolve) => setTimeout(resolve, 1000 * seconds));
"""


def run(page, script, argument=None):
    """Run a script with a `player`, the `errors` it told, and what helps to use it; return what the script returns."""
    return page.evaluate(f"async (argument) => {{ {PROLOGUE} {script} }}", argument)
