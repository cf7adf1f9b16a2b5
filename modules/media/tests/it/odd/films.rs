//! The films, and what comes of each.

use super::{Expected, Row, SILENT, USUAL, made, refused, usual};

const BASE: &str = "V A -c:v libx264 -g 10 -c:a aac base.mp4";

/// Two films, one after the other.
const TWICE: Expected = Expected { seconds: 4.0, flashes: &[1.0, 3.0], ..USUAL };

/// Samples and sizes.
pub(super) const PICTURES: &[Row] = &[
    usual("10 bits", &["V A -pix_fmt yuv420p10le -c:v libx264 -c:a aac film.mp4"], "film.mp4"),
    usual("4:2:2", &["V A -pix_fmt yuv422p -c:v libx264 -c:a aac film.mp4"], "film.mp4"),
    usual("4:4:4", &["V A -pix_fmt yuv444p -c:v libx264 -c:a aac film.mp4"], "film.mp4"),
    usual("4:0:0", &["V A -pix_fmt gray -c:v libx264 -c:a aac film.mkv"], "film.mkv"),
    usual("full range", &["V A -vf scale=out_range=pc,format=yuvj420p -c:v libx264 -c:a aac film.mp4"], "film.mp4"),
    usual(
        "with transparency",
        &[
            "V A -pix_fmt yuva420p -c:v libvpx-vp9 -deadline realtime -cpu-used 8 -auto-alt-ref 0 -c:a libopus film.webm",
        ],
        "film.webm",
    ),
    made(
        "rotated by 90°",
        &[BASE, "-i base.mp4 -c copy -metadata:s:v:0 rotate=90 film.mov"],
        "film.mov",
        Expected { size: (96, 128), ..USUAL },
    ),
    made("rotated by 180°", &[BASE, "-i base.mp4 -c copy -metadata:s:v:0 rotate=180 film.mov"], "film.mov", USUAL),
    made(
        "rotated by 270°",
        &[BASE, "-i base.mp4 -c copy -metadata:s:v:0 rotate=270 film.mp4"],
        "film.mp4",
        Expected { size: (96, 128), ..USUAL },
    ),
    made(
        "wide pixels",
        &["V A -vf setsar=4/3 -c:v libx264 -c:a aac film.mp4"],
        "film.mp4",
        Expected { size: (170, 96), ..USUAL },
    ),
    usual("odd sides", &["V A -vf scale=129:97 -pix_fmt yuv444p -c:v libx264 -c:a aac film.mp4"], "film.mp4"),
    made(
        "8K",
        &[
            "-f lavfi -i color=black:s=7680x4320:r=5:d=0.4,drawbox=t=fill:c=white:enable='gte(t,0.19)' -c:v libx264 -preset ultrafast film.mp4",
        ],
        "film.mp4",
        Expected { seconds: 0.4, flashes: &[0.2], size: (1920, 1080), rate: (5, 1), ..SILENT },
    ),
    refused(
        "1×1",
        &["V -vf scale=1:1 -pix_fmt yuv444p -c:v libx264 film.mkv"],
        "film.mkv",
        ("not_a_video", "the pictures are 1x1 pixels"),
    ),
    refused(
        "a line",
        &["V -vf scale=640:16 -c:v libx264 film.mkv"],
        "film.mkv",
        ("not_a_video", "at most 8 times as long as wide"),
    ),
];

/// Frame rates, interlacing, groups of pictures.
pub(super) const RATES: &[Row] = &[
    made(
        "varying rate",
        &["V A -vf select='mod(n,5)-2' -fps_mode vfr -c:v libx264 -c:a aac film.mkv"],
        "film.mkv",
        USUAL,
    ),
    made(
        "120 pictures a second",
        &["V@120 A -c:v libx264 -c:a aac film.mp4"],
        "film.mp4",
        Expected { rate: (30, 1), ..USUAL },
    ),
    made(
        "1 picture a second",
        &["V@1 A -c:v libx264 -c:a aac film.mp4"],
        "film.mp4",
        Expected { rate: (1, 1), ..USUAL },
    ),
    made(
        "23.976 pictures a second",
        &["V@24000/1001 A -c:v libx264 -c:a aac film.mp4"],
        "film.mp4",
        Expected { rate: (24_000, 1001), ..USUAL },
    ),
    usual(
        "interlaced",
        &["V A -vf setfield=tff -flags +ilme+ildct -x264-params tff=1 -c:v libx264 -c:a aac film.mp4"],
        "film.mp4",
    ),
    usual(
        "B-pyramid",
        &["V A -c:v libx264 -bf 5 -x264-params b-pyramid=strict:b-adapt=0 -c:a aac film.mp4"],
        "film.mp4",
    ),
    usual(
        "open groups",
        &[
            "V A -c:v libx264 -bf 3 -x264-params open-gop=1:keyint=8:min-keyint=8:scenecut=0:b-adapt=0 -c:a aac film.mp4",
        ],
        "film.mp4",
    ),
    made(
        "cut out of open groups",
        &[
            "V A -c:v libx264 -bf 3 -x264-params open-gop=1:keyint=8:min-keyint=8:scenecut=0:b-adapt=0 -c:a aac long.mp4",
            "-ss 0.48 -i long.mp4 -c copy film.mp4",
        ],
        "film.mp4",
        Expected { seconds: 1.52, flashes: &[0.52], beep: Some(0.52), ..USUAL },
    ),
    made(
        "one picture",
        &["-f lavfi -i color=white:s=128x96:r=25:d=0.04 -c:v libx264 film.mp4"],
        "film.mp4",
        Expected { seconds: 0.04, flashes: &[0.0], ..SILENT },
    ),
];

/// Where things begin, stop and are missing.
pub(super) const TIMES: &[Row] = &[
    made(
        "edit list",
        &[BASE, "-ss 0.48 -i base.mp4 -c copy film.mp4"],
        "film.mp4",
        Expected { seconds: 1.52, flashes: &[0.52], beep: Some(0.52), ..USUAL },
    ),
    made(
        "times below zero",
        &[BASE, "-itsoffset -0.32 -i base.mp4 -c copy -avoid_negative_ts disabled -copyts film.mkv"],
        "film.mkv",
        USUAL,
    ),
    usual(
        "no picture for 0.3 s",
        &["V A -vf select='not(between(t,0.4,0.7))' -fps_mode vfr -c:v libx264 -c:a aac film.mkv"],
        "film.mkv",
    ),
    usual(
        "no sound for 0.3 s",
        &["V A -af aselect='not(between(t,0.3,0.6))' -c:v libx264 -c:a pcm_s16le film.mkv"],
        "film.mkv",
    ),
    usual(
        "no sound for 50 ms, twice",
        &["V A -af aselect='not(between(t,0.3,0.35)+between(t,0.6,0.65))' -c:v libx264 -c:a pcm_s16le film.mkv"],
        "film.mkv",
    ),
    made(
        "late sound",
        &["V -itsoffset 0.5 A -t 2 -c:v libx264 -c:a aac film.mkv"],
        "film.mkv",
        Expected { beep: Some(1.5), ..USUAL },
    ),
    made(
        "late pictures",
        &[BASE, "-itsoffset 0.4 -i base.mp4 -i base.mp4 -map 0:v -map 1:a -c copy film.mkv"],
        "film.mkv",
        Expected { seconds: 2.4, flashes: &[1.4], sound: Some(2.0), ..USUAL },
    ),
    made(
        "sound longer than pictures",
        &["V A -af apad=whole_dur=3 -c:v libx264 -c:a aac film.mp4"],
        "film.mp4",
        Expected { sound: Some(3.0), ..USUAL },
    ),
    made(
        "pictures longer than sound",
        &["V A -af atrim=end=1.4 -c:v libx264 -c:a aac film.mp4"],
        "film.mp4",
        Expected { sound: Some(1.4), ..USUAL },
    ),
    made("transport stream", &["V A -c:v libx264 -bf 2 -c:a aac film.ts"], "film.ts", USUAL),
    made(
        "transport stream with times before packets",
        &["V A -c:v libx264 -c:a mp2 -mpegts_m2ts_mode 1 film.m2ts"],
        "film.m2ts",
        USUAL,
    ),
    made(
        "transport stream whose times begin anew",
        &["V A -c:v libx264 -g 10 -c:a ac3 -output_ts_offset 900 one.ts", "V A -c:v libx264 -g 10 -c:a ac3 two.ts"],
        "one.ts+two.ts",
        TWICE,
    ),
    made(
        "transport stream whose times leap",
        &["V A -c:v libx264 -g 10 -c:a aac one.ts", "V A -c:v libx264 -g 10 -c:a aac -output_ts_offset 900 two.ts"],
        "one.ts+two.ts",
        TWICE,
    ),
    made(
        "transport stream whose times leap where pictures come in another order",
        &[
            "V A -c:v libx264 -g 10 -bf 3 -c:a mp2 one.ts",
            "V A -c:v libx264 -g 10 -bf 0 -c:a mp2 -output_ts_offset 900 two.ts",
        ],
        "one.ts+two.ts",
        TWICE,
    ),
    made(
        "transport stream whose sound ends long before its times begin anew",
        &[
            "V A -af atrim=end=1.7 -c:v libx264 -g 10 -bf 0 -c:a aac -output_ts_offset 900 one.ts",
            "V A -c:v libx264 -g 10 -c:a aac two.ts",
        ],
        "one.ts+two.ts",
        TWICE,
    ),
    made(
        "transport stream whose sound goes on when its times leap",
        &[
            "V A -af apad=whole_dur=2.3 -c:v libx264 -g 10 -c:a ac3 one.ts",
            "V A -c:v libx264 -g 10 -c:a ac3 -output_ts_offset 900 two.ts",
        ],
        "one.ts+two.ts",
        TWICE,
    ),
    made(
        "transport stream with times before packets, which leap there and back",
        &[
            "V A -c:v libx264 -g 10 -c:a mp2 -mpegts_m2ts_mode 1 one.m2ts",
            "V A -c:v libx264 -g 10 -c:a mp2 -mpegts_m2ts_mode 1 -output_ts_offset 900 two.m2ts",
        ],
        "one.m2ts+two.m2ts+one.m2ts",
        Expected { seconds: 6.0, flashes: &[1.0, 3.0, 5.0], ..USUAL },
    ),
    made(
        "transport stream that begins in the middle",
        &["V A -c:v libx265 -x265-params log-level=none:keyint=10 -c:a aac film.ts"],
        "film.ts",
        USUAL,
    )
    .without_its_start(),
];

/// Containers and codecs.
pub(super) const CODECS: &[Row] = &[
    usual("PCM in MOV", &["V A -c:v libx264 -c:a pcm_s24le film.mov"], "film.mov"),
    usual(
        "VP9 and Opus in WebM",
        &["V A -c:v libvpx-vp9 -deadline realtime -cpu-used 8 -c:a libopus film.webm"],
        "film.webm",
    ),
    usual("FLAC in Matroska", &["V A -c:v libx264 -c:a flac film.mkv"], "film.mkv"),
    usual("MP3 in MP4", &["V A -c:v libx264 -c:a libmp3lame film.mp4"], "film.mp4"),
    usual("H.265", &["V A -c:v libx265 -x265-params log-level=none -c:a aac film.mp4"], "film.mp4"),
    usual("AV1", &["V A -c:v libaom-av1 -usage realtime -cpu-used 8 -c:a aac film.mp4"], "film.mp4"),
    // What films are handed over in.
    usual("ProRes", &["V A -c:v prores_ks -profile:v 1 -c:a pcm_s24le film.mov"], "film.mov"),
    usual(
        "PQ",
        &[
            "V A -pix_fmt yuv420p10le -color_primaries bt2020 -color_trc smpte2084 -colorspace bt2020nc -c:v libx265 -x265-params log-level=none -c:a aac film.mp4",
        ],
        "film.mp4",
    ),
    usual(
        "HLG",
        &[
            "V A -pix_fmt yuv420p10le -color_primaries bt2020 -color_trc arib-std-b67 -colorspace bt2020nc -c:v libx265 -x265-params log-level=none -c:a aac film.mp4",
        ],
        "film.mp4",
    ),
    usual("mono at 8 kHz", &["V A -c:v libx264 -ac 1 -ar 8000 -c:a pcm_s16le film.mov"], "film.mov"),
    made(
        "7.1",
        &["V A -c:v libx264 -af pan=7.1|FL=c0|FR=c0|BL=c0 -c:a aac film.mp4"],
        "film.mp4",
        Expected { languages: &["und", "und"], ..USUAL },
    ),
    made(
        "several languages",
        &[
            "V A A -map 0 -map 1 -map 2 -metadata:s:a:0 language=deu -metadata:s:a:1 language=fra -c:v libx264 -c:a aac film.mp4",
        ],
        "film.mp4",
        Expected { languages: &["deu", "fra"], ..USUAL },
    ),
    made("no sound", &["V -c:v libx264 film.mp4"], "film.mp4", SILENT),
    refused("no pictures", &["A -c:a aac film.mp4"], "film.mp4", ("not_a_video", "the file has sound and no pictures")),
    // A camera's stills, one after the other.
    refused("MJPEG", &["V -c:v mjpeg film.mov"], "film.mov", ("unsupported_codec", "coded with mjpeg; taken are")),
    refused(
        "MPEG-2",
        &["V -c:v mpeg2video film.ts"],
        "film.ts",
        ("unsupported_codec", "coded with mpeg2video; taken are"),
    ),
    refused(
        "a transport stream of sound",
        &["A -c:a aac film.ts"],
        "film.ts",
        ("not_a_video", "the transport stream has no pictures"),
    ),
    refused(
        "AVI",
        &["V -c:v libx264 film.avi"],
        "film.avi",
        ("unsupported_container", "the file is an AVI file; taken are"),
    ),
    refused("cut short", &[BASE], "base.mp4", ("truncated", "cut short or damaged")).cut(),
    refused("nothing", &[BASE], "base.mp4", ("not_a_video", "the file is empty; taken are")).emptied(),
];
