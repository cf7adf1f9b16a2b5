//! FFmpeg's and ffprobe's arguments. Nothing of a source but numbers and names of ours stands in them.

use crate::{
    chunks::Chunk,
    config::Preset,
    encoder, picture,
    plan::{AudioTrack, Plan, VideoTrack},
    probe::Source,
    sniff::Container,
    subtitles,
};

/// The source's name in the scratch folder.
pub(crate) const SOURCE: &str = "source";
/// The name beside it of a transport stream whose times leap no more.
pub(crate) const RETIMED: &str = "retimed";
/// The folder below it that FFmpeg may write to.
pub(crate) const OUT: &str = "out";
/// What a transport stream is made into there.
pub(crate) const REMUXED: &str = "remuxed.mov";
/// The poster's name there.
pub(crate) const POSTER: &str = "poster.jpg";

/// Decoders that a source may reach: those of the codecs taken, and the sound that comes with them.
pub(crate) const DECODERS: &str = "h264,hevc,vp9,libvpx-vp9,av1,libdav1d,libaom-av1,prores,aac,aac_fixed,aac_latm,mp3,mp3float,mp2,opus,\
    libopus,vorbis,libvorbis,ac3,ac3_fixed,eac3,flac,alac,dca,truehd,pcm_s16le,pcm_s16be,pcm_s24le,pcm_s24be,pcm_s32le,\
    pcm_s32be,pcm_f32le,pcm_f32be,pcm_f64le,pcm_u8,pcm_s8,pcm_alaw,pcm_mulaw";
/// What may lie beside the film and its subtitles in a file, and is left out: ffprobe opens it, FFmpeg does not.
const BESIDE: &str = "mjpeg,png,bmp,gif,pgssub,dvdsub,dvbsub,cc_dec";
/// Samples of a picture at most: a header may say little and the pictures themselves more, so decoders are told.
pub(crate) const PIXELS_MAX: &str = "67108864";
/// Seconds by which sound may be off before silence is put in or something left out: more than the times of a steady recording
/// waver, less than anybody notices.
const IN_SYNC: f64 = 0.015;
const POSTER_WIDTH: u32 = 1280;
/// Bits a second in thousands that no file is refused for: rate control that aims low may miss.
const LARGE_KBPS: u32 = 5000;

/// The name of the file that FFmpeg makes of a track.
pub(crate) fn file(track_id: &str) -> String {
    format!("{track_id}.cmft")
}

/// Bytes that one file of a plan may get: twice what the rate control of the largest aims at.
pub(crate) fn largest_file(source: &Source, plan: &Plan) -> u64 {
    let largest = plan.video.iter().map(|track| track.max_kbps).max().unwrap_or(0);
    let most_kbps = 2.0 * f64::from(largest.max(LARGE_KBPS));
    (64 << 20) + (most_kbps * 125.0 * source.video.duration) as u64
}

/// Seconds of a source that are read, whatever comes after: a little more than it says that it has.
pub(crate) fn longest_reading(source: &Source) -> f64 {
    1.1 * source.video.duration + 30.0
}

/// How a source is opened: by the one demuxer that fits, from a file, never through another protocol.
pub(crate) fn input(container: Container, decoders: &str) -> Vec<String> {
    input_from(SOURCE, container, decoders)
}

/// The same of another file in the scratch folder.
pub(crate) fn input_from(file: &str, container: Container, decoders: &str) -> Vec<String> {
    let mut arguments = guarded(decoders, "mov,mp4,matroska,webm", container.demuxer());
    arguments.extend(words(&["-i", file]));
    arguments
}

/// What stands before a file that FFmpeg reads: nothing but these decoders, these demuxers and no protocol.
pub(crate) fn guarded(decoders: &str, demuxers: &str, demuxer: &str) -> Vec<String> {
    let guards = ["-protocol_whitelist", "file,pipe", "-format_whitelist", demuxers, "-codec_whitelist", decoders];
    words(&guards).into_iter().chain(words(&["-max_pixels", PIXELS_MAX, "-f", demuxer])).collect()
}

/// How FFmpeg opens a source.
pub(crate) fn source_input(container: Container) -> Vec<String> {
    input(container, DECODERS)
}

/// FFmpeg's arguments that make a MOV called [`REMUXED`] of the transport stream `file`: its first pictures and all of its sound,
/// as they are coded. A transport stream says neither how long it is nor where anything in it is.
pub(crate) fn remux(file: &str) -> Vec<String> {
    let mut arguments = words(&["-hide_banner", "-nostdin", "-v", "error"]);
    if file == RETIMED {
        // Its times are right, also where sound overlaps: FFmpeg is not to guess at them.
        arguments.extend(words(&["-copyts", "-start_at_zero"]));
    }
    arguments.extend(guarded(&format!("{DECODERS},{BESIDE}"), "mpegts", "mpegts"));
    arguments.extend(words(&["-i", file, "-map", "0:v:0", "-map", "0:a?"]));
    arguments.extend(words(&["-c", "copy", "-map_metadata", "-1", "-f", "mov"]));
    arguments.push(format!("{OUT}/{REMUXED}"));
    arguments
}

/// ffprobe's arguments: a report as JSON on stdout.
pub(crate) fn probe(container: Container) -> Vec<String> {
    let mut arguments = words(&["-hide_banner", "-v", "error", "-of", "json", "-show_format", "-show_streams"]);
    arguments.extend(input(container, &format!("{DECODERS},{},{BESIDE}", subtitles::DECODERS)));
    arguments
}

/// What of a film one run makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part<'c> {
    /// All of it.
    Whole,
    /// Its sound.
    Sound,
    /// The pictures of a chunk.
    Pictures(&'c Chunk),
}

impl Part<'_> {
    /// The plan without what the run does not make.
    fn of(self, plan: &Plan) -> Plan {
        let mut plan = plan.clone();
        match self {
            Part::Whole => {}
            Part::Sound => plan.video.clear(),
            Part::Pictures(_) => plan.audio.clear(),
        }
        plan
    }

    /// How the source is read: whole up to a point, or from the key picture before the chunk on, at the film's own times.
    fn reading(self, source: &Source) -> Vec<String> {
        match self {
            Part::Whole | Part::Sound => words(&["-t", &format!("{:.3}", longest_reading(source))]),
            Part::Pictures(chunk) => {
                let mut arguments = words(&["-copyts", "-start_at_zero"]);
                if let Some(at) = chunk.seek(source) {
                    arguments.extend(words(&["-noaccurate_seek", "-ss", &format!("{at:.6}")]));
                }
                arguments
            }
        }
    }

    /// Leaves out the frames of the film's grid that are not the run's, so that its first one is at zero.
    fn cut(self, source: &Source) -> String {
        let Part::Pictures(Chunk { first, frames, .. }) = self else { return String::new() };
        let last = (longest_reading(source) * source.video.rate.as_f64()) as u64;
        let end = frames.map_or(last, |frames| (first + frames).min(last)).max(first + 1);
        format!(",trim=start_frame={first}:end_frame={end},setpts=PTS-STARTPTS")
    }
}

/// ffprobe's arguments: a report on the first picture of a stream as JSON on stdout.
pub(crate) fn probe_first_picture(container: Container, stream: u32) -> Vec<String> {
    let mut arguments = words(&["-hide_banner", "-v", "error", "-of", "json", "-show_frames"]);
    arguments.extend(words(&["-select_streams", &stream.to_string(), "-read_intervals", "%+#1"]));
    arguments.extend(input(container, DECODERS));
    arguments
}

/// FFmpeg's arguments: every track file of a part in one run, progress on stdout.
pub(crate) fn transcode(source: &Source, plan: &Plan, preset: Preset, part: Part<'_>) -> Vec<String> {
    let plan = &part.of(plan);
    let mut arguments = words(&["-hide_banner", "-nostdin", "-v", "error", "-progress", "pipe:1"]);
    arguments.extend(plan.devices());
    arguments.extend(part.reading(source));
    arguments.extend(input(source.container, DECODERS));
    arguments.extend(["-filter_complex".into(), filters(source, plan, &part.cut(source))]);
    for (number, track) in plan.video.iter().enumerate() {
        arguments.extend(video(track, number, preset));
        arguments.extend(output(&track.track_id));
    }
    for (number, track) in plan.audio.iter().enumerate() {
        arguments.extend(audio(track, number));
        arguments.extend(output(&track.track_id));
    }
    arguments
}

/// Nothing of what the source says of itself, in fragments.
fn output(track_id: &str) -> Vec<String> {
    let mut arguments = words(&["-map_metadata", "-1", "-map_chapters", "-1", "-sn", "-dn", "-f", "mp4"]);
    arguments.push(format!("{OUT}/{}", file(track_id)));
    arguments
}

/// Each stream is decoded once, for all tracks. `cut` leaves out pictures of the constant rate.
fn filters(source: &Source, plan: &Plan, cut: &str) -> String {
    let sound = plan.audio.iter().enumerate().map(|(number, track)| {
        let gain = track.gain_db.filter(|gain| *gain != 0.0).map(|gain| format!(",volume={gain:.1}dB"));
        format!(";{}{}[a{number}]", heard(source, track), gain.unwrap_or_default())
    });
    let pictures = (!plan.video.is_empty()).then(|| picture::pictures(source, plan, cut));
    let chains: String = pictures.into_iter().chain(sound).collect();
    chains.trim_start_matches(';').to_owned()
}

/// A source's stream as it is heard in a track. Late starts are filled with silence, gaps as well, and what comes twice is heard once.
fn heard(source: &Source, track: &AudioTrack) -> String {
    let layout = if track.channels == 2 { "stereo" } else { "5.1" };
    let begins = source.video.begins;
    let begins = if begins > 0.0 { format!("asetpts=PTS-{begins:.6}/TB,") } else { String::new() };
    format!(
        "[0:{}]{begins}aresample=48000:async=1:min_hard_comp={IN_SYNC}:first_pts=0,aformat=channel_layouts={layout}",
        track.stream
    )
}

/// FFmpeg's arguments that measure how loud a track is going to be: what [`crate::loudness::Meter`] reads on stdout.
pub(crate) fn listen(source: &Source, track: &AudioTrack) -> Vec<String> {
    let mut arguments = words(&["-hide_banner", "-nostdin", "-v", "error"]);
    arguments.extend(words(&["-t", &format!("{:.3}", longest_reading(source))]));
    arguments.extend(input(source.container, DECODERS));
    let measured = format!("{},ebur128=metadata=1:peak=true,ametadata=mode=print:file=-[m]", heard(source, track));
    arguments.extend(["-filter_complex".into(), measured]);
    arguments.extend(words(&["-map", "[m]", "-vn", "-sn", "-dn", "-f", "null", "-"]));
    arguments
}

/// Pictures.
fn video(track: &VideoTrack, number: usize, preset: Preset) -> Vec<String> {
    let mut arguments = words(&["-map", &format!("[v{number}]")]);
    arguments.extend(encoder::arguments(track, preset));
    arguments.extend(fragmented());
    arguments
}

/// A fragment each group of pictures.
pub(crate) fn fragmented() -> Vec<String> {
    words(&["-movflags", "+frag_keyframe+delay_moov+default_base_moof+negative_cts_offsets"])
}

/// AAC in its language.
fn audio(track: &AudioTrack, number: usize) -> Vec<String> {
    let mut arguments = words(&["-map", &format!("[a{number}]"), "-c:a", "aac", "-b:a", &format!("{}k", track.kbps)]);
    let language = track.language.as_deref().unwrap_or("und");
    arguments.extend(words(&["-metadata:s:a:0", &format!("language={language}")]));
    arguments.extend(words(&["-frag_duration", "2000000", "-movflags"]));
    arguments.push("+delay_moov+default_base_moof+negative_cts_offsets".into());
    arguments
}

/// FFmpeg's arguments for the poster: of the frames after a tenth of the film, the one most like all of them, which is
/// never a fade or a lone black frame.
pub(crate) fn poster(source: &Source) -> Vec<String> {
    let video = &source.video;
    let width = video.width.min(POSTER_WIDTH);
    let height = u64::from(video.height) * u64::from(width) / u64::from(video.width.max(1));
    let height = u32::try_from(height).unwrap_or(video.height).max(1);
    let mut arguments =
        words(&["-hide_banner", "-nostdin", "-v", "error", "-ss", &format!("{:.3}", video.duration / 10.0)]);
    arguments.extend(input(source.container, DECODERS));
    // JPEG's own matrix and range (JFIF, ITU-T T.871).
    let scaled =
        |from: &str| format!("scale={width}:{height}:in_color_matrix={from}:out_color_matrix=bt601:out_range=pc");
    let drawn = match video.colour.is_wide() {
        // At an even size, as chroma has it.
        true => format!(
            "{},{}",
            video.colour.to_sdr(width.next_multiple_of(2), height.next_multiple_of(2)),
            scaled("bt709")
        ),
        false => scaled(video.colour.matrix),
    };
    let filters = format!("{drawn},setsar=1,thumbnail=48,format=yuvj420p");
    arguments.extend(words(&["-map", &format!("0:{}", video.index), "-vf", &filters, "-frames:v", "1", "-q:v", "3"]));
    arguments.extend(words(&["-map_metadata", "-1", "-c:v", "mjpeg", "-f", "image2", "-update", "1"]));
    arguments.push(format!("{OUT}/{POSTER}"));
    arguments
}

pub(crate) fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}
