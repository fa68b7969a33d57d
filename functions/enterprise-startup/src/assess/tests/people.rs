use super::{check, found};
use crate::testing::{CHEN, LIN};
use onething_sdk::form::Json;
use onething_sdk::serde_json::json;

#[test]
fn organs() {
    let set = |row: usize, post: &str| format!("/officers/{row}/{post}");
    for (changes, expected) in [
        (
            json!({set(1, "director"): true}),
            &[
                "error director-count /officers",
                "error supervisor-combination /officers/1/supervisor",
            ][..],
        ),
        (
            json!({set(0, "chair"): true}),
            &["error chair-count /officers"],
        ),
        (
            json!({set(1, "manager"): true}),
            &[
                "error manager-count /officers",
                "error supervisor-combination /officers/1/supervisor",
            ],
        ),
        (
            json!({set(1, "supervisor"): false}),
            &["error supervisor-count /supervision"],
        ),
        (
            json!({"supervision": "none", set(1, "supervisor"): false}),
            &[],
        ),
        (
            json!({"supervision": "none"}),
            &["error supervisor-count /supervision"],
        ),
        (
            json!({"supervision": "board"}),
            &["error supervisor-count /supervision"],
        ),
        (
            json!({"supervision": "audit-committee", set(1, "supervisor"): false}),
            &["error supervisor-count /supervision"],
        ),
        (json!({"legal-rep-post": "manager"}), &[]),
        (
            json!({"legal-rep-post": "chair"}),
            &["error legal-representative-no-officer /legal-rep-post"],
        ),
        (
            json!({"finance-id": LIN, "finance-name": "林小燕"}),
            &["error supervisor-combination /officers/1/supervisor"],
        ),
        (
            json!({"finance-id": CHEN, "finance-name": "陈明", "invoice-holder-id": CHEN, "invoice-holder-name": "陈明"}),
            &["warning one-person-all-roles /invoice-holder-id"],
        ),
    ] {
        check(changes, expected);
    }
}

#[test]
fn a_board_of_three_with_a_chair() {
    let officer = |name: &str, id: &str, chair: bool, director: bool| json!({"name": name, "citizen-id": id, "phone": "13905781001", "director": director, "chair": chair, "manager": false, "supervisor": false});
    let officers = json!([
        officer("陈明", CHEN, true, true),
        officer("林小燕", LIN, false, true),
        officer("周慧", "33110219920317004X", false, true),
    ]);
    check(
        json!({"officers": officers, "supervision": "audit-committee", "legal-rep-post": "chair"}),
        &[],
    );
    let twice = json!([
        officer("陈明", CHEN, false, true),
        officer("陈明", CHEN, true, false),
    ]);
    check(
        json!({"officers": twice, "supervision": "none"}),
        &[
            "error chair-count /officers",
            "error officer-twice /officers/1/citizen-id",
            "error chair-not-director /officers/1/chair",
        ],
    );
}

#[test]
fn who_they_are() {
    check(
        json!({"contact-name": "刘阳"}),
        &[
            "error person-named-otherwise /employees/1/name",
            "error name-differs-from-population /contact-name",
        ],
    );
    let unknown = found(&json!({}), |_, world| world.registers.clear());
    assert_eq!(unknown, ["warning identity-unverified "]);
    for (until, expected) in [
        (json!("2025-03-02"), vec![]),
        (
            json!("2025-03-03"),
            vec!["error barred-from-office /officers/0/citizen-id"],
        ),
        (
            Json::Null,
            vec!["error barred-from-office /officers/0/citizen-id"],
        ),
    ] {
        let barred = found(&json!({}), |_, world| {
            let entry = json!({"reason": "失信被执行人", "until": until});
            world
                .registers
                .insert(("officer-restrictions", CHEN.to_owned()), entry);
        });
        assert_eq!(barred, expected, "{until}");
    }
    let young = |id: &str| {
        let found = found(
            &json!({"finance-name": "小明", "finance-id": id}),
            |_, world| {
                drop(
                    world
                        .registers
                        .insert(("population", id.to_owned()), json!({"name": "小明"})),
                )
            },
        );
        found.concat()
    };
    assert_eq!(
        young("331102201001010013"),
        "error officer-minor /finance-id"
    );
    assert_eq!(
        young("331102200806010024"),
        "warning officer-under-18 /finance-id"
    );
}
