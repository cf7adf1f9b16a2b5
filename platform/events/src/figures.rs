//! What a consumer tells metrics of itself.

use tessera_types::Timestamp;

/// The figures of one consumer, which is of one module.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Figures {
    pub(crate) consumer: &'static str,
    pub(crate) module: &'static str,
}

impl Figures {
    fn labels(self) -> [(&'static str, &'static str); 2] {
        [("module", self.module), ("consumer", self.consumer)]
    }

    /// Begins at zero: a counter that appears with its first event cannot be seen to have risen.
    pub(crate) fn announce(self) {
        metrics::counter!("tessera_events_delivered_total", &self.labels()).increment(0);
        metrics::counter!("tessera_events_parked_total", &self.labels()).increment(0);
        self.subjects_parked(0);
        self.caught_up();
    }

    /// An event was handled.
    pub(crate) fn delivered(self) {
        metrics::counter!("tessera_events_delivered_total", &self.labels()).increment(1);
    }

    /// An event was given up and parked.
    pub(crate) fn parked(self) {
        metrics::counter!("tessera_events_parked_total", &self.labels()).increment(1);
    }

    /// So many subjects are parked now.
    pub(crate) fn subjects_parked(self, subjects: usize) {
        metrics::gauge!("tessera_events_parked_subjects", &self.labels()).set(subjects as f64);
    }

    /// The oldest event that is not handled is of this time, and being tried. Its age grows by itself while an attempt
    /// hangs; Prometheus works it out.
    pub(crate) fn trying(self, time: Timestamp) {
        metrics::gauge!("tessera_events_oldest_timestamp_seconds", &self.labels()).set(time.as_micros() as f64 / 1e6);
    }

    /// There is none to handle.
    pub(crate) fn caught_up(self) {
        self.trying(Timestamp::from_micros(0));
    }
}
