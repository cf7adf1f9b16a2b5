// What went wrong, or that there is nothing, with a way on.
import type { ReactNode } from "react";
import type { ApiError } from "../api/problem.ts";
import { explain, strings } from "../strings.ts";

/** A line beside what it is about; read out when it appears. */
export function Alert({ tone = "bad", children }: { tone?: "bad" | "good" | "calm"; children: ReactNode }) {
  return (
    <div className={`alert ${tone}`} role={tone === "bad" ? "alert" : "status"}>
      {children}
    </div>
  );
}

/** In place of a page or a part of one. */
export function Blank({ title, text, children }: { title: string; text: string; children?: ReactNode }) {
  return (
    <section className="blank">
      <h1>{title}</h1>
      <p>{text}</p>
      {children && <div className="actions">{children}</div>}
    </section>
  );
}

export function Failed({ error, retry }: { error: ApiError; retry: () => void }) {
  return (
    <section className="blank" role="alert">
      <h1>{strings.unavailable.title}</h1>
      <p>{explain(error)}</p>
      <div className="actions">
        <button type="button" className="button primary" onClick={retry}>
          {strings.common.retry}
        </button>
      </div>
    </section>
  );
}

/** Stands where something is on its way; the reader hears it once. */
export function Loading() {
  return (
    <p className="sr" role="status">
      {strings.common.loading}
    </p>
  );
}
