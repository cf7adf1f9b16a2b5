//! What ffprobe says of a film's light: the display it was finished on, and how bright it gets.

use serde::Deserialize;

use crate::colour::{ContentLight, Mastering};

/// One entry of ffprobe's `side_data_list`; only what is used.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct SideData {
    /// Degrees, counted against the clock.
    pub(crate) rotation: Option<f64>,
    /// Dolby Vision's.
    pub(crate) dv_profile: Option<i64>,
    red_x: Option<String>,
    red_y: Option<String>,
    green_x: Option<String>,
    green_y: Option<String>,
    blue_x: Option<String>,
    blue_y: Option<String>,
    white_point_x: Option<String>,
    white_point_y: Option<String>,
    min_luminance: Option<String>,
    max_luminance: Option<String>,
    max_content: Option<i64>,
    max_average: Option<i64>,
}

/// What stands for pictures, and not in the container, is in the first of them.
#[derive(Default, Deserialize)]
struct Report {
    #[serde(default)]
    frames: Vec<Frame>,
}

#[derive(Deserialize)]
struct Frame {
    #[serde(default)]
    side_data_list: Vec<SideData>,
}

/// What a stream's or a picture's side data say; none of what contradicts itself.
pub(crate) fn light(data: &[SideData]) -> (Option<Mastering>, Option<ContentLight>) {
    (data.iter().find_map(mastering), data.iter().find_map(content))
}

/// What ffprobe's report on a first picture says.
pub(crate) fn of_first_picture(report: &[u8]) -> (Option<Mastering>, Option<ContentLight>) {
    let report: Report = serde_json::from_slice(report).unwrap_or_default();
    report.frames.first().map_or((None, None), |frame| light(&frame.side_data_list))
}

fn mastering(data: &SideData) -> Option<Mastering> {
    let place = |x: &Option<String>, y: &Option<String>| Some((ratio(x)?, ratio(y)?)).filter(is_colour);
    let mastering = Mastering {
        red: place(&data.red_x, &data.red_y)?,
        green: place(&data.green_x, &data.green_y)?,
        blue: place(&data.blue_x, &data.blue_y)?,
        white: place(&data.white_point_x, &data.white_point_y)?,
        darkest: ratio(&data.min_luminance)?,
        brightest: ratio(&data.max_luminance)?,
    };
    let believable = mastering.darkest < mastering.brightest && (1.0..=10_000.0).contains(&mastering.brightest);
    believable.then_some(mastering)
}

fn is_colour((x, y): &(f64, f64)) -> bool {
    *x <= 1.0 && *y <= 1.0
}

fn content(data: &SideData) -> Option<ContentLight> {
    let nits = |value: Option<i64>| u32::try_from(value?).ok().filter(|nits| *nits <= 10_000);
    Some(ContentLight { pixel: nits(data.max_content)?, picture: nits(data.max_average)? })
}

/// `34000/50000`, not below zero.
fn ratio(text: &Option<String>) -> Option<f64> {
    let (num, den) = text.as_deref()?.split_once('/')?;
    let ratio = num.parse::<f64>().ok()? / den.parse::<f64>().ok()?;
    (ratio.is_finite() && ratio >= 0.0).then_some(ratio)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn hdr10s_metadata_are_read_unless_they_make_no_sense() {
        let said = |brightest: &str, content: i64| {
            let report = json!({"frames": [{"side_data_list": [
                {"side_data_type": "H.26[45] User Data Unregistered SEI message"},
                {"red_x": "34000/50000", "red_y": "16000/50000", "green_x": "13250/50000", "green_y": "34500/50000",
                 "blue_x": "7500/50000", "blue_y": "3000/50000", "white_point_x": "15635/50000",
                 "white_point_y": "16450/50000", "min_luminance": "1/10000", "max_luminance": brightest},
                {"max_content": content, "max_average": 400},
            ]}]});
            let (mastering, light) = of_first_picture(report.to_string().as_bytes());
            (mastering.map(|m| (m.red, m.darkest, m.brightest)), light.map(|light| light.pixel))
        };
        assert_eq!(said("10000000/10000", 1000), (Some(((0.68, 0.32), 0.0001, 1000.0)), Some(1000)));
        assert_eq!(said("0/10000", 70_000), (None, None));
        assert_eq!(said("1/0", -1), (None, None));
        assert_eq!(of_first_picture(b"{}"), (None, None));
    }
}
