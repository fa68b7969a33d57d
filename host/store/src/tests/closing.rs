//! Nothing personal lies open: what was written is looked for in everything that the database has.

use super::*;
use onething_contract::{
    Offer, Payment, PaymentOrder, PublicNotice, Recipient, Subject, SubjectKind, Text,
};
use sqlx::AssertSqlSafe;

/// What nobody may find. Each is written somewhere below.
const SECRETS: [&str; 17] = [
    "330106196501011234",
    "event: 王小明",
    "journal: 王小明",
    "notice-text: 王小明",
    "intent: 王小明",
    "payee: 王小明",
    "error: 王小明",
    "document: 王小明",
    "sealed by 王小明",
    "material: 王小明",
    "wage/331102196501150019/2025-01",
    "331102198411050048",
    "offered to 王小明",
    "refused to 王小明",
    "done-to 12331100002640002Y",
    "8f14e45fceea167a5a36dedd4bea2543",
    "appended: 王小明",
];

fn subject(identifier: &str) -> Subject {
    Subject {
        kind: SubjectKind::Person,
        identifier: identifier.into(),
    }
}

fn resumed(by: &str) -> Event {
    Event::Resumed { by: by.into() }
}

fn notice(ticket: &str, words: &str) -> NewEffect {
    let effect = Effect::Notice {
        to: Recipient::Subject(subject(SECRETS[11])),
        template: "told".into(),
        values: json!({ "words": words }).to_string(),
    };
    NewEffect {
        event: 1,
        intent: Intent {
            ticket: ticket.into(),
            after: Vec::new(),
            effect,
        },
    }
}

fn payment(ticket: &str) -> NewEffect {
    let line = Payment {
        line: "1".into(),
        payee: SECRETS[5].into(),
        account: "79927398713".into(),
        bank: None,
        amount: "0.01".into(),
        purpose: "工资".into(),
    };
    NewEffect {
        event: 1,
        intent: Intent {
            ticket: ticket.into(),
            after: Vec::new(),
            effect: Effect::Payment(PaymentOrder {
                budget: "b".into(),
                category: "SALA".into(),
                execute_on: "2026-03-10".into(),
                lines: vec![line],
            }),
        },
    }
}

/// A case, its files and an offer, with every secret somewhere.
pub(super) async fn write_everything(store: &Store) {
    let material = store
        .put_material(SECRETS[9].as_bytes(), "text/plain", AT)
        .await;
    let mut first = commit(CASE, 1, 1);
    first.events[0].event = resumed(SECRETS[1]);
    first.journal = vec![JournalEntry {
        event: 1,
        function: "assess".into(),
        body: SECRETS[2].into(),
        usage: json!({ "fuel": 7 }),
    }];
    first.tasks = vec![TaskRow {
        notice: Some(NoticeRow {
            notice: PublicNotice {
                text: Text {
                    zh: SECRETS[3].into(),
                    en: String::new(),
                },
                days: 5,
            },
            due: None,
            objected: false,
        }),
        ..task(CASE, "publish")
    }];
    first.materials = vec![material.unwrap()];
    first.effects = vec![notice("t-1", SECRETS[4]), payment("t-2")];
    first.keys = Keys::Hold(vec![SECRETS[10].into()]);
    let request = idempotency("platform", "key", SECRETS[15]);
    store.register(&first, Some(&request), None).await.unwrap();
    let claimed = store
        .claim_effects(at_second(0), Duration::ZERO, 1)
        .await
        .unwrap();
    assert_eq!(claimed[0].intent, first.effects[0].intent);
    let rests = store.fail_effect("t-1", 1, at_second(0), SECRETS[6]).await;
    assert!(rests.unwrap());
    let mut second = commit(CASE, 2, 2);
    second.tasks = first.tasks;
    second.events[0].event = resumed(SECRETS[16]);
    store.append(&second).await.unwrap();
    let seals = [json!({ "owner": SECRETS[8] })];
    let kept = store.put_document(CASE, "form", 1, SECRETS[7].as_bytes(), &seals);
    kept.await.unwrap();

    let mut run = store.outreach_run("run", AT).await.unwrap();
    run.done_to = Some(SECRETS[14].into());
    let offers = [NewOffer {
        offer: Offer {
            subject: subject(SECRETS[11]),
            code: "policy/x".into(),
            occasion: "2025".into(),
            amount: None,
            notices: Vec::new(),
            counted_by: Vec::new(),
            answers: Some(SECRETS[12].into()),
        },
        fen: None,
    }];
    let kept = store.keep_offers(&run, "policy-redemption", "331102", &offers, AT);
    assert_eq!(kept.await.unwrap(), 1);
    store.offer_done(1, None, Some(SECRETS[13])).await.unwrap();
}

/// All of it can be read by whoever has the keys.
pub(super) async fn read_everything(store: &Store) {
    let events = store.load(CASE).await.unwrap();
    assert_eq!(events[0].event, resumed(SECRETS[1]));
    assert_eq!(events[1].event, resumed(SECRETS[16]));
    assert_eq!(
        store.journal(CASE).await.unwrap()[0].body,
        SECRETS[2].as_bytes()
    );
    let published = store.published(None, 9).await.unwrap();
    assert_eq!(
        published[0].notice.as_ref().unwrap().notice.text.zh,
        SECRETS[3]
    );
    assert_eq!(store.tasks(&office(), None, 9).await.unwrap(), published);
    let effects = store.effects(CASE).await.unwrap();
    assert_eq!(effects[0].last_error.as_deref(), Some(SECRETS[6]));
    assert_eq!(effects[1].intent, payment("t-2").intent);
    let document = store
        .get_document(CASE, "form", None)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(document.bytes, SECRETS[7].as_bytes());
    assert_eq!(document.info.seals, [json!({ "owner": SECRETS[8] })]);
    let of_subject = CaseFilter {
        subject: Some(SECRETS[0].into()),
        ..CaseFilter::default()
    };
    let cases = store.cases(&of_subject, 9).await.unwrap();
    assert_eq!(cases[0].subject, SECRETS[0]);
    let offers = OfferFilter {
        subject: Some(SECRETS[11]),
        ..OfferFilter::default()
    };
    let offers = store.offers(offers, 9).await.unwrap();
    assert_eq!(offers[0].offer.answers.as_deref(), Some(SECRETS[12]));
    assert_eq!(offers[0].refused.as_deref(), Some(SECRETS[13]));
    let run = store.outreach_run("run", AT).await.unwrap();
    assert_eq!(run.done_to.as_deref(), Some(SECRETS[14]));
}

async fn nothing_personal_lies_open(database: Database) {
    let store = database.open().await;
    write_everything(&store).await;
    let store = database.open().await;
    read_everything(&store).await;
    let bytes = everything(&database, &store).await;
    assert!(contains(&bytes, CASE.as_bytes()), "what is open is found");
    let ways = SECRETS.map(|secret| (secret, ways_to_write(secret)));
    for (secret, ways) in ways {
        for way in ways {
            assert!(!contains(&bytes, way.as_bytes()), "{secret} as {way}");
        }
    }
}

/// Every byte that the database has.
async fn everything(database: &Database, store: &Store) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Database::File(folder) = database {
        for entry in std::fs::read_dir(folder.path()).unwrap() {
            bytes.extend(std::fs::read(entry.unwrap().path()).unwrap());
        }
        return bytes;
    }
    let columns: Vec<(String, String)> = sqlx::query_as(store.backend.catalogue())
        .fetch_all(&store.readers)
        .await
        .unwrap();
    let tables: BTreeSet<String> = columns.into_iter().map(|(table, _)| table).collect();
    for table in tables {
        // With bytes in hex.
        let sql = format!("SELECT CAST(t AS TEXT) FROM {table} AS t");
        let rows: Vec<String> = sqlx::query_scalar(AssertSqlSafe(sql))
            .fetch_all(&store.readers)
            .await
            .unwrap();
        bytes.extend(rows.concat().into_bytes());
    }
    bytes
}

/// As it is, in hex, and in base64 wherever in a longer text it stands.
fn ways_to_write(secret: &str) -> Vec<String> {
    let mut ways = vec![
        secret.to_owned(),
        hex::encode(secret),
        hex::encode_upper(secret),
    ];
    for before in 0..3 {
        let text = format!("{}{secret}", " ".repeat(before));
        let encoded = base64(text.as_bytes());
        // The first and the last digits have something of what stands beside it.
        let middle = &encoded[(before * 8).div_ceil(6)..encoded.len() - 4];
        ways.push(middle.to_owned());
    }
    ways
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digit = |chunk: &[u8], n: usize| {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        char::from(DIGITS[usize::try_from(bits >> (18 - 6 * n) & 63).unwrap()])
    };
    let chunks = bytes.chunks(3);
    chunks
        .flat_map(|chunk| (0..4).map(move |n| digit(chunk, n)))
        .collect()
}

fn contains(bytes: &[u8], what: &[u8]) -> bool {
    bytes.windows(what.len()).any(|window| window == what)
}

#[test]
fn base64_is_the_usual_one() {
    assert_eq!(base64(b"Man a"), "TWFuIGEA");
}

on_both!(nothing_personal_lies_open,);
