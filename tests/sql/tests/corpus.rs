//! Every find is kept, and never found again. This needs no PostgreSQL.

use signalbox_sql_oracle::corpus;
use signalbox_sql_oracle::facts;
use signalbox_sql_oracle::probe::World;
use signalbox_sql_oracle::verdict::Hole;

#[test]
fn no_find_is_open() {
    let world = World::known();
    let entries = corpus::entries();
    assert!(!entries.is_empty(), "the corpus is empty");
    let open: String = entries
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
    for entry in corpus::entries() {
        assert_eq!(corpus::parse(&entry.lines()), [entry]);
    }
}
