// Errors as a person at a terminal wants them: one sentence, unless it is a mistake of ours.

/** @param {unknown} error @returns {string} */
export function sayError(error) {
  if (!(error instanceof Error)) return String(error);
  const { code, path } = /** @type {NodeJS.ErrnoException} */ (error);
  if (code === 'ENOSPC') return 'The disk is full; free some space (or set DATA_DIR to another disk) and start again.';
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') {
    return `${path ?? 'A file'} may not be written by this user; set DATA_DIR to a directory that may be.`;
  }
  if (code === 'ENOTDIR' || code === 'EEXIST') return `${path} is in the way; set DATA_DIR to a directory.`;
  const bug = ['TypeError', 'ReferenceError', 'SyntaxError', 'RangeError'].includes(error.name);
  return bug ? (error.stack ?? error.message) : error.message;
}
