//! Codes of languages (ISO 639-2).

/// Bibliographic codes, as Matroska has them, with the terminological ones of MP4 (ISO 639-2 annex B).
const BIBLIOGRAPHIC: [(&str, &str); 20] = [
    ("alb", "sqi"),
    ("arm", "hye"),
    ("baq", "eus"),
    ("bur", "mya"),
    ("chi", "zho"),
    ("cze", "ces"),
    ("dut", "nld"),
    ("fre", "fra"),
    ("geo", "kat"),
    ("ger", "deu"),
    ("gre", "ell"),
    ("ice", "isl"),
    ("mac", "mkd"),
    ("mao", "mri"),
    ("may", "msa"),
    ("per", "fas"),
    ("rum", "ron"),
    ("slo", "slk"),
    ("tib", "bod"),
    ("wel", "cym"),
];

/// The terminological code of a language as a source names it; `None` for `und` and for what is no code.
pub(crate) fn terminological(code: &str) -> Option<String> {
    let code = code.to_ascii_lowercase();
    let known = BIBLIOGRAPHIC.iter().find(|(bibliographic, _)| *bibliographic == code);
    let code = known.map_or(code, |(_, terminological)| (*terminological).to_owned());
    let plain = code.len() == 3 && code.bytes().all(|b| b.is_ascii_lowercase());
    (plain && code != "und").then_some(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_made_one_kind() {
        for (said, expected) in
            [("ger", Some("deu")), ("ENG", Some("eng")), ("und", None), ("de", None), ("d$u", None), ("", None)]
        {
            assert_eq!(terminological(said).as_deref(), expected, "{said}");
        }
    }
}
