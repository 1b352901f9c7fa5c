//! What EXPLAIN says of a statement: the first step of its plan.

use serde_json::Value;

/// The beginnings of steps that hand on no rows of their own: PostgreSQL says 0 rows there.
const CHANGES: [&str; 4] = ["Insert on", "Update on", "Delete on", "Merge on"];

/// A plan, in short.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Plan {
    /// What the whole of it costs, in the planner's unit.
    pub(super) cost: f64,
    /// How many rows it finds or changes.
    pub(super) rows: f64,
    /// Its first step, such as `XN Hash Join DS_DIST_NONE`.
    pub(super) top: String,
}

impl Plan {
    /// The plan in the reply of GetStatementResult. None if no line of it has a cost.
    pub(super) fn read(document: &str) -> Option<Self> {
        let value: Value = serde_json::from_str(document).ok()?;
        let records = value.get("Records")?.as_array()?;
        let lines = records
            .iter()
            .filter_map(|record| record.get(0)?.get("stringValue")?.as_str());
        // A value may have several lines in it.
        let mut steps = lines.flat_map(str::lines).filter_map(step);
        let mut plan = steps.next()?;
        if CHANGES.iter().any(|change| plan.top.starts_with(change))
            && let Some(below) = steps.next()
        {
            plan.rows = plan.rows.max(below.rows);
        }
        Some(plan)
    }
}

/// A line such as `XN Seq Scan on t  (cost=0.00..1.00 rows=100 width=4)`.
fn step(line: &str) -> Option<Plan> {
    let (top, numbers) = line.rsplit_once("(cost=")?;
    let (_, numbers) = numbers.split_once("..")?;
    let (cost, numbers) = numbers.split_once(' ')?;
    let rows = numbers.trim_start().strip_prefix("rows=")?;
    let rows = rows.split([' ', ')']).next()?;
    let number = |text: &str| text.parse::<f64>().ok().filter(|number| *number >= 0.0);
    let top = top.trim().trim_start_matches("->").trim();
    Some(Plan {
        cost: number(cost)?,
        rows: number(rows)?,
        top: top.chars().take(200).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn read(lines: &[&str]) -> Option<(f64, f64, String)> {
        let records: Vec<Value> = lines
            .iter()
            .map(|line| json!([{ "stringValue": line }]))
            .collect();
        let plan = Plan::read(&json!({ "Records": records }).to_string())?;
        Some((plan.cost, plan.rows, plan.top))
    }

    #[test]
    fn the_first_step_is_the_plan() {
        let redshift = [
            "XN Hash Join DS_BCAST_INNER  (cost=112.50..3272334142.59 rows=170771 width=84)",
            "  Hash Cond: (\"outer\".venueid = \"inner\".venueid)",
            "  ->  XN Seq Scan on sales  (cost=0.00..2.02 rows=9 width=4)",
        ];
        let wanted = (
            3_272_334_142.59,
            170_771.0,
            "XN Hash Join DS_BCAST_INNER".to_owned(),
        );
        assert_eq!(read(&redshift), Some(wanted));
        // VERBOSE puts a dump of nodes before it.
        let verbose = [
            "{ HASHJOIN :startup_cost 0.00 }",
            "XN Sort  (cost=1000000000000.00..1000002000016.25 rows=5 width=4)",
        ];
        assert_eq!(
            read(&verbose),
            Some((1_000_002_000_016.25, 5.0, "XN Sort".to_owned()))
        );
        let postgres = [
            "Delete on t  (cost=0.00..35.50 rows=0 width=0)",
            "  ->  Seq Scan on t  (cost=0.00..35.50 rows=2550 width=6)",
        ];
        assert_eq!(
            read(&postgres),
            Some((35.5, 2_550.0, "Delete on t".to_owned()))
        );
        let one = ["Result  (cost=0.00..0.01 rows=1 width=4)\n  One-Time Filter: false"];
        assert_eq!(read(&one), Some((0.01, 1.0, "Result".to_owned())));
    }

    #[test]
    fn what_has_no_cost_is_no_plan() {
        for lines in [
            &[][..],
            &["SCAN t"],
            &["XN Seq Scan on t  (cost=0.00..NaN rows=1 width=4)"],
            &["XN Seq Scan on t  (cost=-1..-1 rows=1 width=4)"],
            &["XN Seq Scan on t  (cost=0.00..1.00)"],
            &["(cost="],
        ] {
            assert_eq!(read(lines), None, "{lines:?}");
        }
        assert_eq!(Plan::read(r#"{"Records": [[{"longValue": 1}], []]}"#), None);
        assert_eq!(Plan::read("no JSON"), None);
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(lines in prop::collection::vec("[ -~é(cost=.rows)]{0,60}", 0..5)) {
            let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
            read(&lines);
        }
    }
}
