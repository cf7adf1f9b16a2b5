//! Lines of what a child prints, which comes in pieces of any size.

/// Nothing that is read is longer; of what is, the end is lost.
const LINE_MAX: usize = 256;

/// A line that is not at its end yet.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    line: Vec<u8>,
}

impl Lines {
    /// Takes the next bytes, and hands over each line that ends in them. What is not UTF-8 is none.
    pub(crate) fn push(&mut self, bytes: &[u8], mut each: impl FnMut(&str)) {
        for byte in bytes {
            match byte {
                b'\n' => {
                    if let Ok(line) = std::str::from_utf8(&self.line) {
                        each(line);
                    }
                    self.line.clear();
                }
                byte if self.line.len() < LINE_MAX => self.line.push(*byte),
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_whole_whatever_the_pieces_and_an_endless_one_costs_nothing() {
        for size in 1..8 {
            let (mut lines, mut heard) = (Lines::default(), Vec::new());
            b"one\n\ntwo=2\n\xff\nthree".chunks(size).for_each(|piece| lines.push(piece, |l| heard.push(l.to_owned())));
            assert_eq!(heard, ["one", "", "two=2"], "in pieces of {size}");
        }
        let mut lines = Lines::default();
        lines.push(&vec![b'x'; 100_000], |_| panic!("no line has ended"));
        assert!(lines.line.capacity() <= 2 * LINE_MAX);
    }
}
