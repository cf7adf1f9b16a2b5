//! The issuer's pages: HTML that needs no script, and is read aloud as well as seen.

use maud::{DOCTYPE, Markup, html};

use crate::{
    look::Look,
    password::{LONGEST, SHORTEST},
};

/// The pages' style sheet.
pub(crate) const STYLE: &str = include_str!("../assets/style.css");

/// The form's token did not fit.
pub(crate) const STALE: &str = "This page was open for too long. Please try again.";
/// Address and password do not belong together; whether the address has an account is not said.
pub(crate) const MISMATCH: &str = "That email address and password do not match. Check both and try again.";
/// The queue is full.
pub(crate) const BUSY: &str = "Many people are signing in just now. Please try again in a few seconds.";

/// Too many attempts.
pub(crate) fn too_many(seconds: u64) -> String {
    match seconds.div_ceil(60) {
        0 | 1 => "Too many attempts. Please wait a minute, then try again.".into(),
        minutes => format!("Too many attempts. Please wait {minutes} minutes, then try again."),
    }
}

/// Which of the two pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Door {
    SignIn,
    SignUp,
}

/// What is wrong with what was sent, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wrong {
    Email(String),
    Password(String),
    Form(String),
}

impl Wrong {
    fn of_email(&self) -> Option<&str> {
        match self {
            Self::Email(text) => Some(text),
            Self::Password(_) | Self::Form(_) => None,
        }
    }

    fn of_password(&self) -> Option<&str> {
        match self {
            Self::Password(text) => Some(text),
            Self::Email(_) | Self::Form(_) => None,
        }
    }

    fn of_form(&self) -> Option<&str> {
        match self {
            Self::Form(text) => Some(text),
            Self::Email(_) | Self::Password(_) => None,
        }
    }
}

#[derive(PartialEq, Eq)]
enum Focus {
    Email,
    Password,
}

/// The page for signing in, or the one for signing up.
pub(crate) struct DoorPage<'p> {
    pub(crate) look: &'p Look,
    pub(crate) door: Door,
    /// The interrupted request.
    pub(crate) query: &'p str,
    pub(crate) form_field: &'p str,
    pub(crate) form_token: &'p str,
    /// As typed before.
    pub(crate) email: &'p str,
    pub(crate) wrong: Option<Wrong>,
}

struct Words {
    title: &'static str,
    lead: &'static str,
    submit: &'static str,
    question: &'static str,
    other: &'static str,
    action: &'static str,
    other_action: &'static str,
    password: &'static str,
}

const SIGN_IN: Words = Words {
    title: "Sign in",
    lead: "Welcome back. Your films are where you left them.",
    submit: "Sign in",
    question: "New here?",
    other: "Create an account",
    action: "/identity/sign-in",
    other_action: "/identity/sign-up",
    password: "current-password",
};

const SIGN_UP: Words = Words {
    title: "Create your account",
    lead: "An email address and a password, and the lights go down.",
    submit: "Create account",
    question: "Have an account already?",
    other: "Sign in",
    action: "/identity/sign-up",
    other_action: "/identity/sign-in",
    password: "new-password",
};

/// The page.
pub(crate) fn door(view: &DoorPage<'_>) -> String {
    let words = if view.door == Door::SignIn { SIGN_IN } else { SIGN_UP };
    let wrong = view.wrong.as_ref();
    // Whoever typed an address need not go past it again, unless it is the trouble.
    let focus = match wrong {
        Some(Wrong::Form(_) | Wrong::Password(_)) if !view.email.is_empty() => Focus::Password,
        Some(Wrong::Form(_) | Wrong::Password(_) | Wrong::Email(_)) | None => Focus::Email,
    };
    let title = if wrong.is_some() { format!("Error: {}", words.title) } else { words.title.to_owned() };
    let content = html! {
        h1 { (words.title) }
        p.lead { (words.lead) }
        @if let Some(text) = wrong.and_then(Wrong::of_form) { p.alert role="alert" { (text) } }
        form method="post" action=(with_query(words.action, view.query)) {
            input type="hidden" name=(view.form_field) value=(view.form_token);
            (email_field(view.email, wrong.and_then(Wrong::of_email), focus == Focus::Email))
            (password_field(&words, view.door, wrong.and_then(Wrong::of_password), focus == Focus::Password))
            button type="submit" { (words.submit) }
        }
        p.other { (words.question) " " a href=(with_query(words.other_action, view.query)) { (words.other) } }
    };
    shell(view.look, &title, &content).into_string()
}

fn email_field(email: &str, wrong: Option<&str>, focus: bool) -> Markup {
    html! {
        div.field {
            label for="email" { "Email address" }
            input #email name="email" type="email" inputmode="email" autocomplete="username" autocapitalize="none"
                spellcheck="false" maxlength="254" required autofocus[focus] value=(email)
                aria-invalid=[wrong.map(|_| "true")] aria-describedby=[wrong.map(|_| "email-wrong")];
            @if let Some(text) = wrong { p.wrong #email-wrong role="alert" { (text) } }
        }
    }
}

fn password_field(words: &Words, door: Door, wrong: Option<&str>, focus: bool) -> Markup {
    let new = door == Door::SignUp;
    let described = match (new, wrong) {
        (_, Some(_)) => Some("password-wrong"),
        (true, None) => Some("password-hint"),
        (false, None) => None,
    };
    html! {
        div.field {
            label for="password" { "Password" }
            input #password name="password" type="password" autocomplete=(words.password) required
                minlength=[new.then_some(SHORTEST)] maxlength=(LONGEST) autofocus[focus]
                aria-invalid=[wrong.map(|_| "true")] aria-describedby=[described];
            @if let Some(text) = wrong {
                p.wrong #password-wrong role="alert" { (text) }
            } @else if new {
                p.hint #password-hint { "At least " (SHORTEST) " characters. A few words in a row are a good one." }
            }
        }
    }
}

/// Signed out at the issuer.
pub(crate) fn signed_out(look: &Look) -> String {
    let content = html! {
        h1 { "You are signed out" }
        p.lead { "Nobody is signed in in this browser any more. See you soon." }
        a.button href="/" { "Back to " (look.name) }
        p.other { a href="/auth/login" { "Sign in again" } }
    };
    shell(look, "Signed out", &content).into_string()
}

/// Asks before signing out, when the application cannot show that it is meant.
pub(crate) fn ask_sign_out(look: &Look, query: &str, form_field: &str, form_token: &str) -> String {
    let content = html! {
        h1 { "Sign out?" }
        p.lead { "You will have to sign in again in this browser." }
        form method="post" action=(with_query("/identity/oauth/end-session", query)) {
            input type="hidden" name=(form_field) value=(form_token);
            button type="submit" { "Sign out" }
        }
        p.other { a href="/" { "Stay signed in" } }
    };
    shell(look, "Sign out?", &content).into_string()
}

/// Something did not work; `way_on` is a link and its text.
pub(crate) fn trouble(look: &Look, title: &str, text: &str, way_on: (&str, &str)) -> String {
    let content = html! {
        h1 { (title) }
        p.lead role="alert" { (sentence(text)) }
        a.button href=(way_on.0) { (way_on.1) }
    };
    shell(look, title, &content).into_string()
}

/// A failure's detail as a person reads it: with a capital letter and a full stop.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    let stop = if text.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{first}{}{stop}", letters.as_str())
}

fn with_query(path: &str, query: &str) -> String {
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

fn shell(look: &Look, title: &str, content: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="dark";
                meta name="theme-color" content=(look.background);
                meta name="robots" content="noindex";
                title { (title) " – " (look.name) }
                link rel="icon" href=(look.favicon_url.as_deref().unwrap_or("/favicon.svg"));
                link rel="stylesheet" href="/identity/pages/style.css";
                @if let Some(colours) = &look.style_url { link rel="stylesheet" href=(colours); }
            }
            body {
                div.beam aria-hidden="true" {}
                div.seats aria-hidden="true" {}
                header { (brand(look)) }
                main {
                    div.marquee aria-hidden="true" { (look.name) }
                    section.card { (content) }
                }
            }
        }
    }
}

/// The way home: the logo, with the name beside it unless the logo stands for it.
fn brand(look: &Look) -> Markup {
    html! {
        @match &look.logo {
            Some(logo) => a.brand.pictured href="/" {
                img src=(logo.url) width=(logo.width) height=(logo.height) alt=(if logo.alone { &look.name } else { "" });
                @if !logo.alone { (look.name) }
            },
            None => a.brand href="/" { (look.name) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(door: Door, email: &str, wrong: Option<Wrong>) -> String {
        super::door(&DoorPage {
            look: &Look::plain("Acme <TV>"),
            door,
            query: "client_id=a&state=\"><script>",
            form_field: "form_token",
            form_token: "t",
            email,
            wrong,
        })
    }

    #[test]
    fn nothing_that_was_sent_becomes_markup() {
        let html = page(Door::SignIn, "\"><script>alert(1)</script>", Some(Wrong::Form("<b>".into())));
        assert!(!html.contains("<script>") && !html.contains("<b>") && html.contains("Acme &lt;TV&gt;"), "{html}");
    }

    #[test]
    fn a_password_manager_knows_which_password_is_meant() {
        assert!(page(Door::SignIn, "", None).contains("autocomplete=\"current-password\""));
        assert!(page(Door::SignUp, "", None).contains("autocomplete=\"new-password\""));
    }

    #[test]
    fn what_is_wrong_is_said_where_it_is_wrong() {
        let html = page(Door::SignUp, "ada@example.org", Some(Wrong::Password("Use more.".into())));
        for wanted in ["<title>Error: ", "aria-describedby=\"password-wrong\"", "id=\"password-wrong\" role=\"alert\""]
        {
            assert!(html.contains(wanted), "{wanted} in {html}");
        }
        assert!(html.contains("value=\"ada@example.org\""), "the address need not be typed again");
    }
}
