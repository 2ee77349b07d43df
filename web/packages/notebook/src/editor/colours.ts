/** How many colours people are told apart by; the classes are `peer-0` and so on. */
export const COLOURS = 8;
