// What lies over the film when it cannot go on, or is over.
import { useEffect, useId, useRef } from "react";
import { currentUrl, Link, to } from "../router.tsx";
import { signInUrl } from "../session.tsx";
import { strings } from "../strings.ts";
import { Icon } from "../ui/icons.tsx";
import type { Trouble } from "./trouble.ts";

const text = strings.player;

function Way({ trouble, titleId, retry }: { trouble: Trouble; titleId: string; retry: () => void }) {
  switch (trouble.way) {
    case "retry":
      return (
        <button type="button" className="button primary large" onClick={retry}>
          {trouble.label}
        </button>
      );
    case "offers":
      return (
        <Link className="button primary large" href={to.plans({ title: titleId })}>
          {trouble.label}
        </Link>
      );
    case "sign-in":
      return (
        <a className="button primary large" href={signInUrl("sign-in", currentUrl())}>
          {trouble.label}
        </a>
      );
    case undefined:
      return null;
  }
}

export function TroublePanel({ trouble, titleId, retry }: { trouble: Trouble; titleId: string; retry: () => void }) {
  const id = useId();
  const actions = useRef<HTMLDivElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: each new trouble takes the focus
  useEffect(() => {
    actions.current?.querySelector<HTMLElement>("button, a")?.focus();
  }, [trouble]);
  return (
    <div className="trouble" role="alertdialog" aria-labelledby={id} aria-describedby={`${id}-text`}>
      <div className="trouble-box">
        <h2 id={id}>{trouble.title}</h2>
        <p id={`${id}-text`}>{trouble.text}</p>
        <div className="actions" ref={actions}>
          <Way trouble={trouble} titleId={titleId} retry={retry} />
          <Link className="button quiet large" href={to.title(titleId)}>
            {strings.common.back}
          </Link>
        </div>
      </div>
    </div>
  );
}

export function EndedPanel({ titleId, again }: { titleId: string; again: () => void }) {
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => button.current?.focus(), []);
  return (
    <div className="trouble">
      <div className="trouble-box">
        <h2>{text.ended}</h2>
        <div className="actions">
          <Link className="button primary large" href={to.home()}>
            {text.browse}
          </Link>
          <button type="button" className="button quiet large" ref={button} onClick={again}>
            <Icon name="restart" />
            {text.watchAgain}
          </button>
          <Link className="button quiet large" href={to.title(titleId)}>
            {strings.common.back}
          </Link>
        </div>
      </div>
    </div>
  );
}
