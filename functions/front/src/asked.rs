//! A request as it is read: which function, called with what.

use crate::problem::Problem;
use onething_world::Call;
use onething_world::wire::Request;

/// The function that a path names: its last segment, wherever the app is mounted.
pub fn function(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

/// The call of that function, and what the request says beside its arguments.
pub fn read(function: &str, body: &[u8]) -> Result<(Call, Request), Problem> {
    let malformed = |what: String| Err(Problem::Malformed(what));
    let body = match std::str::from_utf8(body) {
        Ok(body) => body,
        Err(error) => {
            return malformed(format!(
                "not UTF-8 after {} bytes of the body",
                error.valid_up_to()
            ));
        }
    };
    let request: Request = match serde_json::from_str(body) {
        Ok(request) => request,
        Err(error) => return malformed(error.to_string()),
    };
    if !request.answers().starts_with('{') {
        return malformed("answers: not one JSON object".to_owned());
    }
    match request.call(function) {
        Ok(call) => Ok((call, request)),
        Err(error) => malformed(format!("arguments: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_segment_names_the_function() {
        for (path, name) in [
            ("/retirement/assess", "assess"),
            ("/assess", "assess"),
            ("assess", "assess"),
            ("/a/b/c/assess", "assess"),
            ("/assess/", ""),
            ("/", ""),
            ("", ""),
        ] {
            assert_eq!(function(path), name, "{path}");
        }
    }

    const SUBJECTS: &str = r#"{"subjects": [], "codes": [], "on": "2025-01-06"}"#;

    #[test]
    fn a_request_is_read_or_says_what_is_wrong() {
        let deep = "[".repeat(100_000);
        let deep_answers = format!(r#"{{"a": {deep}{}}}"#, "]".repeat(100_000));
        let with = |member: &str| format!(r#"{{"arguments": {SUBJECTS}, "now": "t", {member}}}"#);
        for (body, said) in [
            (with(r#""answers": {"a": 1e999}"#), ""),
            (
                with(
                    r#""known": [[{"parameter": {"name": "a", "on": "b"}}, {"parameter": null}]]"#,
                ),
                "",
            ),
            (with(&format!(r#""answers": {deep_answers}"#)), ""),
            (with(r#""answers": []"#), "answers: not one JSON object"),
            (with(r#""answer": {}"#), "unknown field `answer`"),
            (
                with(r#""known": {}"#),
                "invalid type: map, expected a sequence",
            ),
            (
                with(r#""known": [[{"parameter": {"name": "a"}}, {"parameter": null}]]"#),
                "missing field `on`",
            ),
            (with(r#""ticket_prefix": 1"#), "invalid type: integer"),
            (with(r#""now": "t""#), "duplicate field `now`"),
            (
                format!(r#"{{"arguments": {SUBJECTS}}}"#),
                "missing field `now`",
            ),
            (
                r#"{"arguments": {"subjects": [], "codes": 1, "on": ""}, "now": ""}"#.to_owned(),
                "arguments: invalid type: integer",
            ),
            (
                r#"{"arguments": {}, "now": ""}"#.to_owned(),
                "arguments: missing field `subjects`",
            ),
            (
                r#"{"arguments": null, "now": ""}"#.to_owned(),
                "arguments: invalid type: null",
            ),
            (deep, "EOF while parsing a list"),
            (String::new(), "EOF while parsing"),
            ("[]".to_owned(), "invalid length 0"),
            ("null".to_owned(), "invalid type: null"),
            ("{} {}".to_owned(), "missing field"),
        ] {
            let shown = body.get(..80).unwrap_or(&body);
            match read("reach", body.as_bytes()) {
                Ok(_) => assert_eq!(said, "", "{shown}"),
                Err(Problem::Malformed(what)) => {
                    assert!(!said.is_empty() && what.contains(said), "{shown}: {what}");
                }
                Err(other) => panic!("{shown}: {other:?}"),
            }
        }
        let not_text = read("reach", b"{\"now\": \"\xff\"}");
        let Err(Problem::Malformed(what)) = not_text else {
            panic!("{not_text:?}");
        };
        assert_eq!(what, "not UTF-8 after 9 bytes of the body");
    }

    #[test]
    fn answers_are_kept_as_they_came() {
        let answers = r#"{ "b":1.50,  "a" : "\u4e2d" }"#;
        let body = format!(r#"{{"arguments": {SUBJECTS}, "now": "t", "answers": {answers}}}"#);
        let (_, request) = read("reach", body.as_bytes()).unwrap();
        assert_eq!(request.answers(), answers);
    }
}
