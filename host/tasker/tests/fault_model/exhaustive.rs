//! Every life of a task with every fault at every call, and pairs of the harshest; and every order of what meets.

use super::{
    bugs::Bug,
    choice::{Order, Plan},
    cores::share,
    faults::Fault,
    paths,
    random::explain,
    run::{Report, run},
    say,
    schedule::Schedule,
};

/// How far after the first fault of a pair the second one comes, in calls. A process that polls makes many more.
const PAIR_REACH: usize = 10;
/// Orders tried of one meeting.
const ORDERS: usize = 4_000;

/// Runs a schedule with these faults, and fails loudly if it breaks anything.
fn holds(name: &str, schedule: &Schedule, faults: &[(usize, Fault)]) -> Report {
    let plan = || Plan::At(faults.to_vec());
    let report = run(schedule, Order::First, plan(), false);
    if !report.broken.is_empty() {
        let report = run(schedule, Order::First, plan(), true);
        panic!("{name}, with {faults:?}:\n{}", explain(schedule, &report));
    }
    report
}

/// The first life in which a program with a bug breaks what this is said of, with one fault or none.
pub fn first_broken(bug: Bug, by: &str) -> Option<(String, String)> {
    paths::all().into_iter().find_map(|(name, schedule)| {
        let bug = Some(bug);
        let schedule = Schedule { bug, ..schedule };
        let broken = |faults: Vec<(usize, Fault)>| {
            let report = run(&schedule, Order::First, Plan::At(faults.clone()), false);
            let first = report.broken.into_iter().find(|it| it.contains(by))?;
            Some((format!("{name}, with {faults:?}"), first))
        };
        let calls = run(&schedule, Order::First, Plan::none(), false).calls;
        let singles = (0..calls).flat_map(|call| Fault::ALL.map(|fault| vec![(call, fault)]));
        std::iter::once(Vec::new()).chain(singles).find_map(broken)
    })
}

#[test]
fn every_fault_at_every_call_of_every_life_breaks_nothing() {
    let (mut points, mut singles, mut lives) = (0, 0, 0);
    for (name, schedule) in paths::all() {
        let calls = holds(name, &schedule, &[]).calls;
        assert!(calls > 0, "{name} makes no call");
        lives += 1;
        points += calls;
        for call in 0..calls {
            for fault in Fault::ALL {
                let report = holds(name, &schedule, &[(call, fault)]);
                assert_eq!(report.faults.len(), 1, "{name}: {fault:?} at call {call}");
                singles += 1;
            }
        }
    }
    say(&format!(
        "{lives} lives of a task with {points} calls: {singles} schedules, each of {} faults at each of the calls",
        Fault::ALL.len()
    ));
}

#[test]
fn pairs_of_harsh_faults_break_nothing() {
    let lives = paths::all();
    let pairs = share(lives.len(), |life| {
        let (name, schedule) = &lives[life];
        let mut pairs = 0;
        for first in 0..holds(name, schedule, &[]).calls {
            for fault in Fault::HARSH {
                let after = holds(name, schedule, &[(first, fault)]).calls;
                for second in first + 1..after.min(first + PAIR_REACH) {
                    for other in [Fault::FailAfter, Fault::DieAfter] {
                        holds(name, schedule, &[(first, fault), (second, other)]);
                        pairs += 1;
                    }
                }
            }
        }
        pairs
    });
    let pairs: usize = pairs.into_iter().sum();
    say(&format!("{pairs} schedules with two harsh faults"));
}

#[test]
fn every_order_of_what_meets_breaks_nothing() {
    let (mut orders, mut meetings, mut whole) = (0, 0, 0);
    for (name, schedule) in paths::meetings() {
        let mut next = Some(Order::Walk {
            choices: Vec::new(),
            widths: Vec::new(),
        });
        let mut tried = 0;
        while let Some(order) = next.take().filter(|_| tried < ORDERS) {
            let report = run(&schedule, order, Plan::none(), false);
            let broken = !report.broken.is_empty();
            if broken && let Order::Walk { choices, .. } = report.order {
                let order = Order::Walk {
                    choices,
                    widths: Vec::new(),
                };
                let report = run(&schedule, order, Plan::none(), true);
                panic!("{name}:\n{}", explain(&schedule, &report));
            }
            tried += 1;
            next = report.order.next_walk();
        }
        meetings += 1;
        whole += usize::from(next.is_none());
        orders += tried;
    }
    say(&format!(
        "{meetings} meetings in {orders} orders; of {whole} of them these are all orders there are"
    ));
}
