//! What a list of tasks shows after the end.

use super::*;
use onething_case::REPAIR;
use onething_contract::Directive;

#[tokio::test]
async fn a_poor_rating_is_in_the_inbox_of_the_lead_until_it_is_mended() {
    let host = Host::new().await;
    let mut case = registration("a", None);
    case.hears = vec!["registered".into()];
    case.round.plan[0].phase = Phase::Examination;
    host.register(case).await.unwrap();
    let complete = |_: &State| {
        Ok(Command::React {
            to: 1,
            directives: vec![Directive::Complete("{}".into())],
            intents: Vec::new(),
        })
    };
    let engine = &host.engine;
    engine
        .committed("a", AT, Vec::new(), None, complete)
        .await
        .unwrap();
    let office = Office {
        function: "commerce".into(),
        region: REGION.into(),
    };
    let inbox = async || -> Vec<String> {
        let tasks = engine.store.tasks(&office, None, 9).await.unwrap();
        tasks.into_iter().map(|task| task.step).collect()
    };
    assert!(inbox().await.is_empty());
    engine.rate("a", 2, "张三", None, at(AT)).await.unwrap();
    assert_eq!(inbox().await, [REPAIR]);
    engine
        .repair("a", "李四", &office, "已致电说明", at(AT))
        .await
        .unwrap();
    assert!(inbox().await.is_empty());
}
