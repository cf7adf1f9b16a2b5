//! The filters between a source's pictures and those of each rendition.

use crate::{
    colour::{Colour, DynamicRange},
    plan::{Plan, VideoTrack},
    probe::{Source, VideoStream},
};

/// From the source's stream to an output `[v0]`, `[v1]` … for each rendition of the plan.
///
/// Each picture is decoded once. They are made constant in rate and begin at zero: a late start is filled with the first one.
/// What is wide becomes BT.709 once, at the size of the largest rendition that has it, and is scaled from there. `cut` is a
/// filter that leaves out pictures of the constant rate.
pub(crate) fn pictures(source: &Source, plan: &Plan, cut: &str) -> String {
    let video = &source.video;
    let numbered = || plan.video.iter().enumerate();
    let changed: Vec<_> = numbered().filter(|(_, track)| is_changed(&video.colour, track)).collect();
    let kept: Vec<_> = numbered().filter(|(_, track)| !is_changed(&video.colour, track)).collect();
    let deinterlace = if video.interlaced { "yadif=deint=interlaced," } else { "" };
    let begins = if video.begins > 0.0 { format!("setpts=PTS-{:.6}/TB,", video.begins) } else { String::new() };
    let start = format!("[0:{}]{deinterlace}{begins}fps=fps={}:start_time=0{cut}", video.index, video.rate);
    let Some((_, largest)) = changed.first() else { return format!("{start}{}", split(&kept, video, &video.colour)) };
    let sdr = video.colour.to_sdr(largest.width, largest.height);
    let made = Colour::made(DynamicRange::Sdr);
    match kept.is_empty() {
        true => format!("{start},{sdr}{}", split(&changed, video, &made)),
        false => {
            let kept = split(&kept, video, &video.colour);
            format!("{start},split=2[kept][wide];[kept]null{kept};[wide]{sdr}{}", split(&changed, video, &made))
        }
    }
}

/// From the source's stream in this input of FFmpeg's to pictures of a track's size and rate in standard range, the end of the
/// chain left open.
pub(crate) fn moment(source: &Source, track: &VideoTrack, input: usize) -> String {
    let (video, width, height) = (&source.video, track.width, track.height);
    let deinterlace = if video.interlaced { "yadif=deint=interlaced," } else { "" };
    let made = match video.colour.is_wide() {
        true => format!("{},format=yuv420p", video.colour.to_sdr(width, height)),
        false => video.colour.kept(width, height, "yuv420p"),
    };
    format!("[{input}:{}]{deinterlace}fps=fps={},{made}", video.index, track.rate)
}

/// Whether a track's colours are not the source's.
fn is_changed(colour: &Colour, track: &VideoTrack) -> bool {
    track.range == DynamicRange::Sdr && colour.is_wide()
}

/// The end of a chain: pictures of `colour` split and scaled, a track each.
fn split(tracks: &[(usize, &VideoTrack)], video: &VideoStream, colour: &Colour) -> String {
    let splits: String = tracks.iter().map(|(number, _)| format!("[s{number}]")).collect();
    let scaled = tracks.iter().map(|(number, track)| {
        let slower = if track.rate == video.rate { String::new() } else { format!("fps=fps={},", track.rate) };
        format!(";[s{number}]{slower}{}[v{number}]", colour.kept(track.width, track.height, track.pixels()))
    });
    std::iter::once(format!(",split={}{splits}", tracks.len())).chain(scaled).collect()
}
