// What rules and their files are called.

/** Return the name of a rule in plain words: without its file and underscores. */
export function inWords(name) {
  return name.replace(/^.*\.py:/, "").replaceAll("_", " ");
}

/** Return the name of a file without its folders. */
export function fileName(path) {
  return path.split(/[\\/]/).at(-1);
}
