//! Prints the facts of statements as JSON objects, one a line: `{"sql": …, "facts": …}`.
//!
//!     facts                    of the statements on standard input, one JSON text a line
//!     facts make COUNT SEED    of statements that the fuzzer makes

use serde::Serialize;
use signalbox_sql_oracle::facts::{Facts, classify};
use signalbox_sql_oracle::grammar;
use signalbox_sql_oracle::mutate::mutate;
use signalbox_sql_oracle::rng::Rng;
use signalbox_sql_oracle::text::Text;
use std::io::{BufRead as _, Write};

#[derive(Serialize)]
struct Line<'s> {
    sql: &'s str,
    facts: Facts,
}

fn print(out: &mut impl Write, sql: &str) -> std::io::Result<()> {
    let line = Line {
        sql,
        facts: classify(sql),
    };
    serde_json::to_writer(&mut *out, &line)?;
    out.write_all(b"\n")
}

fn main() -> std::io::Result<()> {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.as_slice() {
        [] => {
            for line in std::io::stdin().lock().lines() {
                let sql: String = serde_json::from_str(&line?)?;
                print(&mut out, &sql)?;
            }
        }
        [make, count, seed] if make == "make" => {
            let number = |text: &str| {
                text.parse()
                    .map_err(|_| std::io::Error::other(format!("not a number: {text}")))
            };
            let mut rng = Rng::new(number(seed)?);
            let mut before = Vec::new();
            for _ in 0..number(count)? {
                let tokens = grammar::statement(&mut rng);
                let mut pieces = grammar::lay_out(&mut rng, &tokens);
                if rng.percent(25) {
                    pieces = mutate(&mut rng, &pieces, &before);
                }
                print(&mut out, &Text::from(pieces.clone()).redshift())?;
                before = pieces;
            }
        }
        _ => return Err(std::io::Error::other("usage: facts [make COUNT SEED]")),
    }
    out.flush()
}
