//! The viewer app's page as a tenant's brand makes it: name, colours, icon and logo are there before a script runs, so
//! that nothing changes its look while the app starts.

use tessera_contract_tenancy::Brand;

const BEGINS: &str = "<!-- brand -->";
const ENDS: &str = "<!-- /brand -->";

/// The page with what stands between its two marks replaced. One without marks stays as it is.
pub(crate) fn branded(page: &str, brand: &Brand) -> String {
    let Some((before, rest)) = page.split_once(BEGINS) else { return page.to_owned() };
    let Some((_, after)) = rest.split_once(ENDS) else { return page.to_owned() };
    format!("{before}{}{after}", head(brand))
}

fn head(brand: &Brand) -> String {
    let favicon = brand.favicon.as_ref().map_or("/favicon.svg", |picture| &picture.url);
    let mut lines = vec![
        format!("<title>{}</title>", escaped(&brand.name)),
        format!("<meta name=\"theme-color\" content=\"{}\" />", brand.colours.background),
        format!("<link rel=\"icon\" href=\"{}\" />", escaped(favicon)),
        format!("<link rel=\"stylesheet\" href=\"{}\" />", escaped(&brand.style_url)),
    ];
    if let Some(logo) = &brand.logo {
        lines.push(format!("<link rel=\"preload\" as=\"image\" href=\"{}\" />", escaped(&logo.url)));
    }
    lines.join("\n    ")
}

/// As text and as a quoted attribute's value (HTML §13.1.2.3).
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            letter => safe.push(letter),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_brand_stands_in_the_page_and_nothing_of_it_becomes_markup() {
        let brand: Brand = serde_json::from_value(json!({
            "name": "A & B </title><script>alert('1')</script>", "style_url": "/tenancy/brand.css?v=1", "version": 1,
            "colours": {"background": "#000000", "text": "#ffffff", "accent": "#ffcc00"},
            "logo": {"url": "/tenancy/pictures/a", "media_type": "image/png", "width": 1, "height": 1},
        }))
        .unwrap();
        let page = include_str!("../../apps/viewer/index.html");
        let branded = branded(page, &brand);
        assert!(page.contains("<title>Tessera</title>") && !branded.contains("<title>Tessera</title>"), "{branded}");
        assert!(branded.contains("<title>A &amp; B &lt;/title&gt;&lt;script&gt;alert(&#39;1&#39;)"), "{branded}");
        for link in ["href=\"/favicon.svg\"", "href=\"/tenancy/brand.css?v=1\"", "href=\"/tenancy/pictures/a\""] {
            assert_eq!(branded.matches(link).count(), 1, "{link} in {branded}");
        }
        assert!(branded.contains("/src/main.tsx"), "the rest stays");
    }
}
