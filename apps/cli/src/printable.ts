/** Controls, and marks that turn the direction of writing: a terminal would obey them. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
const OBEYED = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** Text of others as it may be shown in a terminal. */
export const printable = (text: string): string => text.replace(OBEYED, '\ufffd');
