// Paying, from the press of the button to a known outcome: one intent, one key, polled while the bank is silent.
import { useCallback, useEffect, useRef, useState } from "react";
import { type Checkout, createCheckout, createToken, getCheckout } from "../api/client.ts";
import { type ApiError, asApiError } from "../api/problem.ts";
import { type CardFields, tokenRequest } from "../card.ts";
import { randomName } from "../device.ts";
import { type Intent, Intents, type Wanted } from "../intent.ts";
import { noteBought } from "../just-bought.ts";

export type Payment =
  | { phase: "ready"; problem?: { declined: string } | { error: ApiError } }
  | { phase: "paying" }
  /** The request went out and the answer got lost: the next press repeats it. */
  | { phase: "unsure" }
  | { phase: "pending"; checkoutId: string; long: boolean }
  | { phase: "done"; checkout: Checkout };

const POLL_SECONDS = [1, 2, 2, 3, 5];
/** From here on the page says that it takes long. */
const LONG_POLLS = 8;

const intents = new Intents(sessionStorage, randomName);

/** What an intent of before this page was loaded left behind. */
function leftOff(wanted: Wanted): Payment {
  const intent = intents.current(wanted);
  if (intent?.checkoutId) return { phase: "pending", checkoutId: intent.checkoutId, long: false };
  return intent?.sent ? { phase: "unsure" } : { phase: "ready" };
}

async function send(intent: Intent): Promise<Checkout> {
  const body = { offer_id: intent.offerId, payment_token: intent.paymentToken ?? "" };
  return createCheckout(intent.titleId ? { ...body, title_id: intent.titleId } : body, intent.key);
}

export function usePayment(wanted: Wanted) {
  const { offerId, titleId } = wanted;
  const [payment, setPayment] = useState<Payment>(() => leftOff(wanted));
  const shown = useRef(true);
  useEffect(() => {
    shown.current = true;
    return () => {
      shown.current = false;
    };
  }, []);

  const settle = useCallback((intent: Intent, checkout: Checkout) => {
    if (checkout.state === "succeeded" || checkout.state === "declined") {
      intents.ended(intent, checkout.state === "succeeded" ? "succeeded" : "refused");
    } else {
      intents.pending(intent, checkout.checkout_id);
    }
    if (checkout.state === "succeeded") noteBought(Date.now());
    if (!shown.current) return;
    if (checkout.state === "succeeded") setPayment({ phase: "done", checkout });
    else if (checkout.state === "declined")
      setPayment({ phase: "ready", problem: { declined: checkout.decline_message ?? "" } });
    else
      setPayment((now) =>
        now.phase === "pending" ? now : { phase: "pending", checkoutId: checkout.checkout_id, long: false },
      );
  }, []);

  /** Pays with the card, or repeats the request that got lost, which needs none. */
  const pay = useCallback(
    async (card: CardFields | undefined) => {
      setPayment({ phase: "paying" });
      let intent = intents.begin({ offerId, titleId });
      try {
        if (!intent.sent && card) {
          const { payment_token } = await createToken(tokenRequest(card));
          intent = intents.sending(intents.withToken(intent, payment_token));
        }
        settle(intent, await send(intent));
      } catch (thrown) {
        const error = asApiError(thrown);
        const unknown = Boolean(intent.sent) && (error.passing || error.code === "in_progress");
        intents.ended(intent, unknown ? "unknown" : "refused");
        const declined = error.code === "card_declined";
        setPayment(
          unknown
            ? { phase: "unsure" }
            : { phase: "ready", problem: declined ? { declined: error.message } : { error } },
        );
      }
    },
    [offerId, titleId, settle],
  );

  const checkoutId = payment.phase === "pending" ? payment.checkoutId : undefined;
  useEffect(() => {
    if (!checkoutId) return;
    let timer: ReturnType<typeof setTimeout>;
    let polls = 0;
    const poll = async () => {
      const checkout = await getCheckout(checkoutId).catch(() => undefined); // a lost answer is asked for again
      const intent = intents.current({ offerId, titleId });
      if (checkout && intent) settle(intent, checkout);
      polls += 1;
      if (polls === LONG_POLLS) setPayment((now) => (now.phase === "pending" ? { ...now, long: true } : now));
      if (!checkout || checkout.state === "pending" || checkout.state === "unknown") wait();
    };
    const wait = () => {
      timer = setTimeout(() => void poll(), (POLL_SECONDS[polls] ?? POLL_SECONDS.at(-1) ?? 5) * 1000);
    };
    wait();
    return () => clearTimeout(timer);
  }, [checkoutId, offerId, titleId, settle]);

  return { payment, pay };
}
