//! Writing traces.

use std::fs;
use std::io::{BufWriter, Write};
use std::path::Path;

use super::{DOCUMENT, KINDS, SAMPLES, SPANS, SimulateError, SimulatedTrace, TRUTH, TruthDocument};

impl SimulatedTrace {
    /// Writes the trace's files into `folder`, which is created if needed.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn write(&self, folder: &Path) -> Result<(), SimulateError> {
        let failed = |source| SimulateError::File {
            path: folder.to_owned(),
            source,
        };
        fs::create_dir_all(folder).map_err(failed)?;
        table(folder, SPANS, |file| self.write_spans(file))?;
        table(folder, SAMPLES, |file| self.write_samples(file))?;
        table(folder, TRUTH, |file| self.write_truth(file))?;
        table(folder, KINDS, |file| self.write_kinds(file))?;
        let document = TruthDocument {
            scenario: self.scenario.name().to_owned(),
            seed: self.seed,
            clock_offset_ms: self.truth.clock_offset_ms,
            rails: self.truth.rails.clone(),
            config: self.settings.clone(),
            powers_w: self.truth.powers_w.clone(),
        };
        let path = folder.join(DOCUMENT);
        let text = serde_json::to_string_pretty(&document)?;
        fs::write(&path, text).map_err(|source| SimulateError::File { path, source })
    }

    fn write_spans(&self, file: &mut dyn Write) -> std::io::Result<()> {
        for (place, span) in self.spans.iter().enumerate() {
            let (id, kind) = (place + 1, &self.kinds[span.kind]);
            write!(file, "{id},{},{},{kind},", span.parent, span.thread)?;
            writeln!(file, "{},{},{}", span.start_ns, span.end_ns, span.rail)?;
        }
        Ok(())
    }

    fn write_samples(&self, file: &mut dyn Write) -> std::io::Result<()> {
        for sample in &self.samples {
            let (start, end) = (sample.start_ns, sample.end_ns);
            writeln!(
                file,
                "{start},{end},{},{:.6}",
                sample.rail, sample.energy_mj
            )?;
        }
        Ok(())
    }

    fn write_truth(&self, file: &mut dyn Write) -> std::io::Result<()> {
        for (place, energy_mj) in self.truth.span_energy_mj.iter().enumerate() {
            writeln!(file, "{},{energy_mj:.6}", place + 1)?;
        }
        Ok(())
    }

    fn write_kinds(&self, file: &mut dyn Write) -> std::io::Result<()> {
        for truth in &self.truth.kinds {
            let (kind, time) = (&self.kinds[truth.kind], truth.self_time_ns);
            let (rail, energy_mj, count) = (truth.rail, truth.energy_mj, truth.count);
            writeln!(file, "{kind},{rail},{energy_mj:.6},{time},{count}")?;
        }
        Ok(())
    }
}

fn table(
    folder: &Path,
    (name, header): (&str, &str),
    rows: impl FnOnce(&mut dyn Write) -> std::io::Result<()>,
) -> Result<(), SimulateError> {
    let path = folder.join(name);
    let write = || {
        let mut file = BufWriter::new(fs::File::create(&path)?);
        writeln!(file, "{header}")?;
        rows(&mut file)?;
        file.flush()
    };
    write().map_err(|source| SimulateError::File {
        path: path.clone(),
        source,
    })
}
