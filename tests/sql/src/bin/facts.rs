//! Prints the facts of each statement: JSON texts, one a line, on standard input; JSON objects, one a line, on standard output.

use std::io::{BufRead as _, Write as _};

fn main() -> std::io::Result<()> {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for line in std::io::stdin().lock().lines() {
        let text: String = serde_json::from_str(&line?)?;
        serde_json::to_writer(&mut out, &signalbox_sql_oracle::facts::classify(&text))?;
        out.write_all(b"\n")?;
    }
    out.flush()
}
