//! Thumbnails for the seek bar: pictures of equal tiles, made of the key pictures of the smallest rendition.

use crate::{
    encode::{DECODERS, OUT, file, input_from, words},
    plan::VideoTrack,
    sniff::Container,
};

/// Width of a tile in pixels.
const WIDTH: u32 = 160;
/// Tiles in a row, and rows, at most.
const SIDE: u32 = 10;
/// Films up to so many seconds get a tile each so many seconds: whole groups of pictures, and pictures that a player
/// fetches in a moment.
const INTERVALS: [(f64, u32); 2] = [(600.0, 2), (3600.0, 4)];
const LONG: u32 = 10;
/// Tiles at most: of what is longer, each stands for more.
const TILES_MAX: u32 = 10_000;

/// How the tiles of a film lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Grid {
    /// Width and height of a tile in pixels.
    pub(crate) tile: (u32, u32),
    pub(crate) columns: u32,
    pub(crate) rows: u32,
    /// Tiles over all pictures.
    pub(crate) count: u32,
    /// Seconds that a tile stands for.
    pub(crate) interval: u32,
}

impl Grid {
    /// For a film of this many seconds, made of this rendition.
    pub(crate) fn of(track: &VideoTrack, seconds: f64) -> Self {
        let usual = INTERVALS.iter().find(|(up_to, _)| seconds <= *up_to).map_or(LONG, |(_, interval)| *interval);
        let needed = (seconds / f64::from(TILES_MAX)).ceil() as u32;
        let interval = usual.max(needed);
        let count = ((seconds / f64::from(interval)).ceil() as u32).max(1);
        let height = u64::from(track.height) * u64::from(WIDTH) / u64::from(track.width.max(1));
        // Even, and no taller than a tile is wide by more than a film may be.
        let height = (height as u32 / 2 * 2).clamp(2, 8 * WIDTH);
        let columns = count.min(SIDE);
        Self { tile: (WIDTH, height), columns, rows: count.div_ceil(columns).min(SIDE), count, interval }
    }

    /// Pictures that it takes.
    pub(crate) fn pictures(&self) -> u32 {
        self.count.div_ceil(self.columns * self.rows)
    }
}

/// The name of the file of a picture, counted from 1.
pub(crate) fn picture(number: u32) -> String {
    format!("thumbnails-{number:03}.jpg")
}

/// FFmpeg's arguments. A tile shows the last key picture before the middle of its time, and the last one is repeated so
/// that no tile with a time is black.
pub(crate) fn draw(track: &VideoTrack, grid: &Grid) -> Vec<String> {
    let Grid { tile: (width, height), columns, rows, interval, .. } = grid;
    let mut arguments = words(&["-hide_banner", "-nostdin", "-v", "error", "-skip_frame", "nokey"]);
    arguments.extend(input_from(&format!("{OUT}/{}", file(&track.track_id)), Container::Mp4, DECODERS));
    let times = format!("tpad=stop_mode=clone:stop_duration={interval},fps=fps=1/{interval}:start_time=0");
    let colour = track.colour();
    let drawn = if colour.is_wide() { format!(",{}", colour.to_sdr(*width, *height)) } else { String::new() };
    // JPEG's own matrix and range (JFIF, ITU-T T.871).
    let scale = format!("scale={width}:{height}:in_color_matrix=bt709:out_color_matrix=bt601:out_range=pc");
    let filters = format!("{times}{drawn},{scale},setsar=1,format=yuvj420p,tile={columns}x{rows}");
    arguments.extend(words(&["-map", "0:v:0", "-vf", &filters, "-frames:v", &grid.pictures().to_string()]));
    arguments.extend(words(&["-q:v", "5", "-map_metadata", "-1", "-c:v", "mjpeg", "-f", "image2"]));
    arguments.push(format!("{OUT}/thumbnails-%03d.jpg"));
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{config::LadderConfig, fixture::source, plan::Plan};

    fn rendition(width: u32, height: u32) -> VideoTrack {
        Plan::of(&source(width, height, "25/1"), &LadderConfig::default()).video.pop().unwrap()
    }

    #[test]
    fn a_film_has_as_many_tiles_as_its_length_wants() {
        let track = rendition(1280, 720);
        let grid = |seconds| {
            let grid = Grid::of(&track, seconds);
            (grid.count, grid.interval, grid.columns, grid.rows, grid.pictures())
        };
        assert_eq!(grid(0.04), (1, 2, 1, 1, 1));
        assert_eq!(grid(5.0), (3, 2, 3, 1, 1));
        assert_eq!(grid(61.0), (31, 2, 10, 4, 1));
        assert_eq!(grid(600.0), (300, 2, 10, 10, 3));
        assert_eq!(grid(601.0), (151, 4, 10, 10, 2));
        assert_eq!(grid(7200.0), (720, 10, 10, 10, 8));
        let (count, interval, .., pictures) = grid(1e6);
        assert!(count <= TILES_MAX && pictures <= 100, "{count} tiles of {interval} s in {pictures} pictures");
        assert_eq!(Grid::of(&track, 5.0).tile, (160, 90));
        assert_eq!(Grid::of(&rendition(270, 480), 5.0).tile, (160, 284));
    }
}
