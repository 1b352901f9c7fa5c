//! Every find is kept, and never found again. This needs no PostgreSQL.

use signalbox_sql_oracle::corpus::{self, Entry};
use signalbox_sql_oracle::facts;
use signalbox_sql_oracle::probe::World;
use signalbox_sql_oracle::verdict::Hole;
use std::path::Path;

fn entries() -> Vec<Entry> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .expect("the corpus")
        .map(|entry| entry.expect("a file").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "sql"))
        .collect();
    files.sort();
    let entries: Vec<Entry> = files
        .iter()
        .flat_map(|file| corpus::parse(&std::fs::read_to_string(file).expect("a text")))
        .collect();
    assert!(!entries.is_empty(), "the corpus is empty");
    entries
}

#[test]
fn no_find_is_open() {
    let world = World::known();
    let open: String = entries()
        .iter()
        .filter(|entry| {
            let facts = facts::classify(&entry.sql);
            let is_miscounted = entry.hole == Hole::Several
                && facts.statements < 2
                && !entry.sql.starts_with("unload");
            entry.hole.is_open_in(&facts, &world) || is_miscounted
        })
        .map(|entry| format!("{}{:?}\n", entry.lines(), facts::classify(&entry.sql)))
        .collect();
    assert!(
        open.is_empty(),
        "complete facts that do not say what is done:\n{open}"
    );
}

#[test]
fn the_corpus_is_read_as_it_is_written() {
    for entry in entries() {
        assert_eq!(corpus::parse(&entry.lines()), [entry]);
    }
}
