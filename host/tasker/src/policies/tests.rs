use async_trait::async_trait;
use signalbox_policy::{
    CallContext, Closed, Fault, Identity, Invoked, Settled,
    contract::{Closing, Invocation, Settlement, Waiter},
};

use super::*;
use crate::ids::state_machine_of;
use crate::pattern::Pattern;

struct Named(Identity);

#[async_trait]
impl Policy for Named {
    fn identity(&self) -> &Identity {
        &self.0
    }

    async fn invoke(
        &self,
        _: CallContext,
        _: Invocation,
        _: Option<Waiter>,
    ) -> Result<Invoked, Fault> {
        panic!("nobody asks")
    }

    async fn settle(&self, _: CallContext, _: Settlement, _: Waiter) -> Result<Settled, Fault> {
        panic!("nobody asks")
    }

    async fn closed(&self, _: CallContext, _: Closing) -> Result<Closed, Fault> {
        panic!("nobody asks")
    }
}

fn granted(name: &str, targets: &[&str]) -> Granted {
    Granted::new(
        Arc::new(Named(Identity {
            name: name.to_owned(),
            version: String::new(),
            digest: String::new(),
            settings_digest: String::new(),
        })),
        targets.iter().map(|target| (*target).to_owned()).collect(),
        Some(Arc::default()),
    )
}

fn route(name: &str, function: &str, policies: &[&str]) -> Route {
    Route {
        name: name.to_owned(),
        function: Pattern::new(function),
        policies: policies.iter().map(|policy| (*policy).to_owned()).collect(),
        targets: None,
        state_machines: Vec::new(),
        mode: Mode::Enforce,
        fail_open: None,
    }
}

const FINANCE: &str = "arn:aws:lambda:eu-west-1:1:function:tasker:finance";
const PLAIN: &str = "arn:aws:lambda:eu-west-1:1:function:tasker";

fn set() -> PolicySet {
    let mut finance = route(
        "finance",
        "*:function:tasker:finance",
        &["finance", "standard"],
    );
    finance.targets = Some(vec!["b".to_owned()]);
    finance.state_machines = vec![(
        Pattern::new("*:stateMachine:nightly-*"),
        "standard".to_owned(),
    )];
    PolicySet::routed(
        vec![
            granted("standard", &["a", "b"]),
            granted("finance", &["b", "c"]),
            granted("secret", &["a"]),
        ],
        vec![
            finance,
            route("others", "*:function:tasker", &["standard"]),
            route("shadowed", "*", &["nobody"]),
        ],
    )
}

fn chosen(caller: Caller<'_>) -> Result<(String, Vec<String>), String> {
    set()
        .choose(&caller)
        .map(|granted| (granted.policy.identity().name.clone(), granted.targets))
        .map_err(|raised| raised.to_string())
}

#[test]
fn the_alias_comes_first_and_the_payload_chooses_among_what_it_offers() {
    let of = |function_arn, execution_arn, policy| {
        chosen(Caller {
            function_arn: Some(function_arn),
            execution_arn,
            policy,
            ..Caller::default()
        })
    };
    let b = vec!["b".to_owned()];
    assert_eq!(
        of(FINANCE, None, None),
        Ok(("finance".to_owned(), b.clone()))
    );
    assert_eq!(
        of(FINANCE, None, Some("standard")),
        Ok(("standard".to_owned(), b.clone())),
        "and no further than the route's targets"
    );
    let nightly = "arn:aws:states:eu-west-1:1:execution:nightly-load:x";
    let express = "arn:aws:states:eu-west-1:1:express:nightly-load:x:y";
    let child = "arn:aws:states:eu-west-1:1:execution:nightly-load/label:x";
    for execution in [nightly, express, child] {
        assert_eq!(
            of(FINANCE, Some(execution), None),
            Ok(("standard".to_owned(), b.clone()))
        );
    }
    assert_eq!(
        of(FINANCE, Some(nightly), Some("finance")),
        Ok(("finance".to_owned(), b))
    );
    let refused = of(FINANCE, None, Some("secret")).unwrap_err();
    assert_eq!(
        of(FINANCE, None, Some("unheard-of")).unwrap_err(),
        refused.replace("secret", "unheard-of"),
        "one that is there is not told from one that is not"
    );
    assert_eq!(
        of(PLAIN, Some(nightly), None).map(|(name, _)| name),
        Ok("standard".to_owned())
    );
    assert!(of(PLAIN, None, Some("finance")).is_err());
    assert!(
        of(
            "arn:aws:lambda:eu-west-1:1:function:tasker:other",
            None,
            None
        )
        .is_err(),
        "its route leads nowhere"
    );
}

#[test]
fn without_a_set_payloads_may_be_sent_again() {
    let set = PolicySet::unavailable("S3 did not answer");
    let raised = set.choose(&Caller::default()).map(|_| ()).unwrap_err();
    assert_eq!(raised.error_type, names::POLICY_UNAVAILABLE);
    assert!(raised.message.contains("S3 did not answer"), "{raised}");
    assert!(set.settling("standard", None).is_none() && set.is_unavailable());
}

#[test]
fn who_has_no_arn_is_matched_by_a_star_only() {
    let of = |function: &str| {
        PolicySet::routed(
            vec![granted("p", &[])],
            vec![route("only", function, &["p"])],
        )
        .choose(&Caller::default())
        .is_ok()
    };
    assert!(of("*"));
    assert!(!of("arn:*"));
}

#[test]
fn state_machines_are_named_by_their_executions() {
    for odd in [
        "",
        "arn",
        "arn:aws:states:r:a:execution:only",
        "a:b:c:d:e:execution:n:i",
    ] {
        assert_eq!(state_machine_of(odd), None, "{odd}");
    }
}

/// A set with one route for everybody, to `new`, in this mode.
fn moded(mode: Mode, fail_open: Option<&str>) -> PolicySet {
    let mut only = route("only", "*", &["new", "other"]);
    only.mode = mode;
    only.fail_open = fail_open.map(str::to_owned);
    only.targets = Some(vec!["a".to_owned()]);
    PolicySet::routed(
        vec![
            granted("new", &["a", "b"]),
            granted("old", &["b", "a"]),
            granted("other", &["a"]),
        ],
        vec![only],
    )
}

fn execution(number: usize) -> String {
    format!("arn:aws:states:eu-west-1:1:execution:m:{number}")
}

fn old() -> String {
    "old".to_owned()
}

/// Who acts, who is compared, and whose keys are used.
fn roles(set: &PolicySet, execution_arn: Option<&str>) -> (String, Option<String>, String) {
    let granted = set
        .choose(&Caller {
            execution_arn,
            ..Caller::default()
        })
        .unwrap();
    assert_eq!(granted.targets, ["a"], "the route's targets hold for all");
    let shadow = granted.shadow.as_ref();
    (
        granted.name().to_owned(),
        shadow.map(|shadow| shadow.policy.identity().name.clone()),
        granted.keys().to_owned(),
    )
}

#[test]
fn a_shadow_stands_beside_and_a_monitored_one_behind_its_baseline() {
    let own = |name: &str, shadow: Option<&str>| {
        (name.to_owned(), shadow.map(str::to_owned), name.to_owned())
    };
    let shadow = moded(
        Mode::Shadow {
            shadow: old(),
            sample: Share::WHOLE,
        },
        None,
    );
    assert_eq!(roles(&shadow, None), own("new", Some("old")));
    let monitor = moded(
        Mode::Monitor {
            baseline: old(),
            sample: Share::WHOLE,
        },
        None,
    );
    assert_eq!(roles(&monitor, None), own("old", Some("new")));
    assert_eq!(roles(&moded(Mode::Enforce, None), None), own("new", None));

    // Statements are settled by who started them, and compared with the same one.
    let settled = |set: &PolicySet, name: &str| {
        let granted = set.settling(name, Some("only")).unwrap();
        assert_eq!(granted.name(), name);
        granted
            .shadow
            .map(|shadow| shadow.policy.identity().name.clone())
    };
    assert_eq!(settled(&shadow, "new"), Some(old()));
    assert_eq!(settled(&shadow, "old"), None);
    assert_eq!(settled(&monitor, "old"), Some("new".to_owned()));
    assert_eq!(settled(&monitor, "new"), None);
    // What another route compares is not this one's.
    for elsewhere in [None, Some("other")] {
        assert!(shadow.settling("new", elsewhere).unwrap().shadow.is_none());
    }
}

#[test]
fn a_canary_has_its_share_of_the_executions_and_the_keys_of_its_baseline() {
    let canary = |percent| {
        moded(
            Mode::Canary {
                baseline: old(),
                percent: Share::percent(percent).unwrap(),
            },
            None,
        )
    };
    let taken = |set: &PolicySet| -> Vec<usize> {
        (0..1_000)
            .filter(|n| {
                let (acting, shadow, keys) = roles(set, Some(&execution(*n)));
                assert_eq!((shadow, keys), (None, old()));
                acting == "new"
            })
            .collect()
    };
    let tenth = taken(&canary(10.0));
    assert!((60..140).contains(&tenth.len()), "{}", tenth.len());
    assert_eq!(tenth, taken(&canary(10.0)), "again and again the same");
    let half = taken(&canary(50.0));
    assert!(tenth.iter().all(|n| half.contains(n)), "who is in stays in");

    // Without an execution the task decides: who leaves it out must not get the baseline by that.
    let of_task = |set: &PolicySet, task: &str| {
        let caller = Caller {
            task,
            ..Caller::default()
        };
        set.choose(&caller).unwrap().name().to_owned()
    };
    let tasks = |set: &PolicySet| {
        let all = (0..1_000).map(|n| format!("task {n}"));
        all.filter(|task| of_task(set, task) == "new").count()
    };
    assert!((60..140).contains(&tasks(&canary(10.0))));
    assert_eq!(tasks(&canary(100.0)), 1_000);
    assert_eq!(tasks(&canary(0.0)), 0);
}

#[test]
fn after_a_fault_the_baseline_acts_with_the_keys_of_the_policy() {
    let canary = Mode::Canary {
        baseline: old(),
        percent: Share::WHOLE,
    };
    for (mode, acting, keys) in [(Mode::Enforce, "new", "new"), (canary, "new", "old")] {
        let set = moded(mode, Some("old"));
        let arn = execution(1);
        let chosen = set
            .choose(&Caller {
                execution_arn: Some(&arn),
                ..Caller::default()
            })
            .unwrap();
        assert_eq!((chosen.name(), chosen.keys()), (acting, keys));
        let baseline = chosen.baseline.unwrap();
        assert_eq!((baseline.name(), baseline.keys()), ("old", keys));
        assert_eq!(baseline.targets, ["a"]);
        assert!(baseline.baseline.is_none());
    }
}

#[test]
fn witnesses_see_who_acts_and_no_shadow() {
    let set = moded(
        Mode::Shadow {
            shadow: old(),
            sample: Share::WHOLE,
        },
        Some("other"),
    )
    .map(|policy| {
        Arc::new(Named(Identity {
            version: "watched".to_owned(),
            ..policy.identity().clone()
        }))
    });
    let chosen = set.choose(&Caller::default()).unwrap();
    let version = |policy: &Arc<dyn Policy>| policy.identity().version.clone();
    assert_eq!(version(&chosen.policy), "watched");
    assert_eq!(version(&chosen.baseline.unwrap().policy), "watched");
    assert_eq!(version(&chosen.shadow.unwrap().policy), "");
}
