/** Which pages may send us messages. `src/studiolo/core/origins.py` decides the same; `golden/origins.json` holds both. */

interface Rule {
  scheme: "http" | "https";
  host: string;
  /** null stands for any port; only the server's development rules have it. */
  port: number | null;
  isWildcard: boolean;
}

const LABEL = "[a-z0-9](?:[a-z0-9-]*[a-z0-9])?";
const RULE = new RegExp(`^(https?)://(\\*\\.)?(${LABEL}(?:\\.${LABEL})*)(?::(\\d{1,5}|\\*))?$`);
const DEFAULT_PORT = { http: 80, https: 443 };
const LOCAL_HOSTS = ["localhost", "127.0.0.1"];

export function parseRule(text: string): Rule | null {
  const found = RULE.exec(text.toLowerCase());
  const [, scheme, star, host, port] = found ?? [];
  if ((scheme !== "http" && scheme !== "https") || host === undefined) return null;
  if (scheme === "http" && !LOCAL_HOSTS.includes(host)) return null;
  if (star !== undefined && !host.includes(".")) return null;
  const number = port === "*" ? null : Number(port ?? DEFAULT_PORT[scheme]);
  if (number !== null && number > 65535) return null;
  return { scheme, host, port: number, isWildcard: star !== undefined };
}

/** Tell whether a page of this origin, as the browser writes it, is among the rules that the server put in the page. */
export function isAllowedOrigin(origin: string, rules: readonly string[]): boolean {
  const asked = parseRule(origin);
  if (asked === null || asked.isWildcard || asked.port === null) return false;
  return rules.some((text) => {
    const rule = parseRule(text);
    return rule !== null && matches(rule, asked);
  });
}

function matches(rule: Rule, asked: Rule): boolean {
  const sameHost = rule.isWildcard ? asked.host.endsWith(`.${rule.host}`) : asked.host === rule.host;
  return sameHost && rule.scheme === asked.scheme && (rule.port === null || rule.port === asked.port);
}
