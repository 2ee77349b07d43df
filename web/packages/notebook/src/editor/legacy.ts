import { LanguageSupport, StreamLanguage, type StreamParser } from "@codemirror/language";

/** A language whose grammar is of the old kind; own file, since most people never need one. */
export function legacyLanguage(parser: StreamParser<unknown>): LanguageSupport {
  return new LanguageSupport(StreamLanguage.define(parser));
}
