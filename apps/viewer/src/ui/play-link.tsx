// The one button that matters on a title, saying what pressing it does.

import { accessTo } from "../access.ts";
import type { Title } from "../api/client.ts";
import { clock } from "../format.ts";
import { useAccount, useProgress } from "../reads.ts";
import { startAt } from "../resume.ts";
import { Link, to } from "../router.tsx";
import { signInUrl, useSession } from "../session.tsx";
import { strings } from "../strings.ts";
import { Icon } from "./icons.tsx";

/** Play or resume; sign in first; or see what it takes. */
export function PlayLink({ title }: { title: Title }) {
  const session = useSession();
  const account = useAccount();
  const progress = useProgress();
  const access = accessTo(title, account.data, new Date());
  if (!session.signedIn && access.kind === "free") {
    return (
      <a className="button primary large" href={signInUrl("sign-in", to.watch(title.title_id))}>
        <Icon name="play" />
        {strings.title.signInToPlay}
      </a>
    );
  }
  if (access.kind === "none") {
    if (session.signedIn && account.loading)
      return <span className="button primary large skeleton" aria-hidden="true" />;
    return (
      <Link className="button primary large" href={to.plans({ title: title.title_id })}>
        {strings.player.chooseHow}
      </Link>
    );
  }
  const position = progress.data?.find((p) => p.title_id === title.title_id)?.position_seconds ?? 0;
  const resume = startAt(position, title.duration_seconds);
  return (
    <>
      <Link className="button primary large" href={to.watch(title.title_id)}>
        <Icon name="play" />
        {resume > 0 ? strings.title.resumeAt(clock(resume)) : strings.title.play}
      </Link>
      {resume > 0 && (
        <Link className="button quiet large" href={to.watch(title.title_id, true)}>
          <Icon name="restart" />
          {strings.title.startOver}
        </Link>
      )}
    </>
  );
}
