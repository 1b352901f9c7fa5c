//! What is stuck, beside tasks that have ended: the sweep answers those.

/// The lean host compiles no component.
mod own_component {
    use serde_json::json;
    use signalbox_local::{data_api::EventFault, step_functions::Outcome};
    use signalbox_test_guests::HOSTILE;

    use crate::support::stage::{Setting, Stage, end};

    #[tokio::test]
    async fn policies_that_loop_when_they_settle_keep_no_neighbour_waiting() {
        let config = r#"
        default_policy = "standard"

        [sweep]
        after_seconds = 1

        [policies.standard]
        builtin = "standard"

        [policies.looper]
        component = "hostile.wasm"
        settings = { settle = "loop" }
        limits = { guest_time_ms = 9000 }
    "#;
        let stage = Stage::set(Setting {
            config: Some(config.to_owned()),
            files: vec![("hostile.wasm", HOSTILE.to_vec())],
            ..Setting::default()
        })
        .await;
        for _ in 0..5 {
            stage.event_faults.next(EventFault::Drop);
        }
        let looping: Vec<_> = (0..2)
            .map(|_| {
                stage.task(json!({"action": "executeStatement", "policy": "looper", "do": "start"}))
            })
            .collect();
        stage.called("ExecuteStatement", 2).await;
        let finished: Vec<_> = (0..3)
            .map(|_| stage.task(json!({"sqlStatement": "select 1"})))
            .collect();
        stage.called("ExecuteStatement", 5).await;
        tokio::time::sleep(std::time::Duration::from_secs(2)).await;
        let swept = stage.invoke(json!({"action": "sweep"})).await;
        let swept = swept.expect("a summary");
        assert_eq!(swept["examined"], 5, "{swept}");
        for execution in &finished {
            assert!(execution.outcome().is_some(), "{swept}");
            let outcome = end(execution).await;
            assert!(matches!(outcome, Outcome::Succeeded { .. }), "{outcome:?}");
        }
        assert!(looping.iter().all(|task| task.outcome().is_none()));
        stage.check(&[]);
    }
}
