// @vitest-environment node
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { isAllowedOrigin } from "./origins.ts";

interface Case {
  served_rules: string[];
  origin: string;
  is_development: boolean;
  is_allowed: boolean;
}

const cases: Case[] = JSON.parse(readFileSync(new URL("../../../golden/origins.json", import.meta.url), "utf8"));

test.each(cases)("$origin, development $is_development: $is_allowed", ({ served_rules, origin, is_allowed }) => {
  expect(isAllowedOrigin(origin, served_rules)).toBe(is_allowed);
});
