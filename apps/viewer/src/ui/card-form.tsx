// The sandbox's card form. What is typed goes to the gateway's token endpoint and nowhere else.
import { type FormEvent, type InputHTMLAttributes, useId, useRef, useState } from "react";
import { type CardFields, type CardProblem, type CardProblems, problemsOf, slashed, spaced } from "../card.ts";
import { strings } from "../strings.ts";
import { Icon } from "./icons.tsx";
import { Alert } from "./notice.tsx";

const EMPTY: CardFields = { number: "", expiry: "", code: "" };
const GOOD = "4242 4242 4242 4242";
const BAD = "4000 0000 0000 0002";

interface FieldProps extends Omit<InputHTMLAttributes<HTMLInputElement>, "onChange"> {
  label: string;
  hint?: string;
  problem: CardProblem | undefined;
  onText: (text: string) => void;
}

function Field({ label, hint, problem, onText, ...input }: FieldProps) {
  const id = useId();
  const described = [hint ? `${id}-hint` : "", problem ? `${id}-problem` : ""].filter(Boolean).join(" ");
  return (
    <div className="field">
      <label htmlFor={id}>
        {label} {hint && <span id={`${id}-hint`}>{hint}</span>}
      </label>
      <input
        {...input}
        id={id}
        required
        aria-invalid={problem !== undefined}
        {...(described ? { "aria-describedby": described } : {})}
        onChange={(event) => onText(event.target.value)}
      />
      {problem && (
        <p className="field-problem" id={`${id}-problem`}>
          {strings.checkout[problem]}
        </p>
      )}
    </div>
  );
}

function SandboxHint({ fill }: { fill: (number: string) => void }) {
  const card = (number: string, outcome: string) => (
    <li>
      <button type="button" onClick={() => fill(number)} aria-label={strings.checkout.fillCard(number.slice(-4))}>
        {number}
      </button>
      <span>{outcome}</span>
    </li>
  );
  return (
    <aside className="sandbox">
      <p>
        <strong>{strings.checkout.sandboxTitle}</strong>
      </p>
      <ul>
        {card(GOOD, strings.checkout.sandboxGood)}
        {card(BAD, strings.checkout.sandboxBad)}
      </ul>
      <p>{strings.checkout.sandboxRest}</p>
    </aside>
  );
}

export function CardForm({ price, busy, onPay }: { price: string; busy: boolean; onPay: (card: CardFields) => void }) {
  const [card, setCard] = useState(EMPTY);
  const [problems, setProblems] = useState<CardProblems>({});
  const form = useRef<HTMLFormElement>(null);
  const set = (field: keyof CardFields, text: string) => {
    setCard((before) => ({ ...before, [field]: text }));
    setProblems(({ [field]: _, ...others }) => others);
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (busy) return;
    const found = problemsOf(card, new Date());
    setProblems(found);
    if (Object.keys(found).length === 0) onPay(card);
    else requestAnimationFrame(() => form.current?.querySelector<HTMLInputElement>('[aria-invalid="true"]')?.focus());
  };
  const fill = (number: string) => {
    setCard({ number, expiry: `12 / ${String((new Date().getFullYear() + 3) % 100).padStart(2, "0")}`, code: "123" });
    setProblems({});
  };
  return (
    <form className="card-form" ref={form} onSubmit={submit} noValidate>
      <SandboxHint fill={fill} />
      <Field
        label={strings.checkout.number}
        name="card-number"
        value={card.number}
        problem={problems.number}
        inputMode="numeric"
        autoComplete="cc-number"
        placeholder="1234 1234 1234 1234"
        onText={(text) => set("number", spaced(text))}
      />
      <div className="field-row">
        <Field
          label={strings.checkout.expiry}
          hint={strings.checkout.expiryHint}
          name="card-expiry"
          value={card.expiry}
          problem={problems.expiry}
          inputMode="numeric"
          autoComplete="cc-exp"
          onText={(text) => set("expiry", text.length < card.expiry.length ? text : slashed(text))}
        />
        <Field
          label={strings.checkout.code}
          name="card-code"
          value={card.code}
          problem={problems.code}
          inputMode="numeric"
          autoComplete="cc-csc"
          maxLength={4}
          onText={(text) => set("code", text.replace(/\D/g, "").slice(0, 4))}
        />
      </div>
      {Object.keys(problems).length > 0 && <Alert>{strings.checkout.fixFields}</Alert>}
      <button type="submit" className="button primary large wide" aria-disabled={busy}>
        {busy ? strings.checkout.submitting : strings.checkout.submit(price)}
      </button>
      <p className="fine">
        <Icon name="lock" />
        {strings.checkout.secure}
      </p>
    </form>
  );
}
