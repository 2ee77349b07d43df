import { pythonLanguage } from "@codemirror/lang-python";
import { LanguageSupport } from "@codemirror/language";

/** Python without the completions that the package brings: they know only the words of the file. */
export const python = new LanguageSupport(pythonLanguage);
