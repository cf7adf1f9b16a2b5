import { describe, expect, it } from "vitest";
import { urlOf } from "./api/http.ts";
import { parseRoute, to } from "./router.tsx";

describe("addresses", () => {
  it("lead to their pages and back", () => {
    const parse = (url: string) => {
      const [path = "", search = ""] = url.split("?");
      return parseRoute(path, search);
    };
    expect(parse(to.home())).toEqual({ page: "home" });
    expect(parse(to.title("cms-4711.v2~x"))).toEqual({ page: "title", id: "cms-4711.v2~x" });
    expect(parse(to.plans({ title: "ttl_1", offer: "off_1" }))).toEqual({
      page: "plans",
      title: "ttl_1",
      offer: "off_1",
    });
    expect(parse(to.watch("ttl_1", true))).toEqual({ page: "watch", id: "ttl_1", fromStart: true });
    expect(parse("/nowhere")).toEqual({ page: "not-found" });
    expect(parse("/titles/%E0%A4%A")).toEqual({ page: "title", id: "%E0%A4%A" });
  });
});

describe("operations", () => {
  it("put ids and lists where the contract has them", () => {
    expect(urlOf("billing", "/v1/offers", { query: { plan: ["a", "b c"], cursor: undefined, limit: 5 } })).toBe(
      "/billing/v1/offers?plan=a&plan=b+c&limit=5",
    );
    expect(urlOf("catalog", "/v1/titles/{title_id}", { path: { title_id: "a/../b" } })).toBe(
      "/catalog/v1/titles/a%2F..%2Fb",
    );
  });
});
