//! What a reader comes back to beside the steps, as texts that can be kept under names: the composer's
//! draft, and what came of questions.

use super::{Answer, Draft, Ending, Form};

/// The name for what came of questions.
pub(crate) const ANSWERS: &str = "answers";

const TYPED: &str = "typed";
const FORM: &str = "form";
const ENDING: &str = "ending";

/// What to keep of a draft, under which names.
pub(crate) fn texts(draft: &Draft) -> [(&'static str, &str); 3] {
    let form = match draft.form {
        Form::Text => "text",
        Form::Hex => "hex",
    };
    let ending = match draft.ending {
        Ending::None => "none",
        Ending::Lf => "lf",
        Ending::CrLf => "crlf",
    };
    [(TYPED, &draft.typed), (FORM, form), (ENDING, ending)]
}

/// The draft that was kept, if one was.
pub(crate) fn draft(text: impl Fn(&str) -> Option<String>) -> Option<Draft> {
    let typed = text(TYPED)?;
    let form = match text(FORM)?.as_str() {
        "hex" => Form::Hex,
        _ => Form::Text,
    };
    let ending = match text(ENDING)?.as_str() {
        "lf" => Ending::Lf,
        "crlf" => Ending::CrLf,
        _ => Ending::None,
    };
    Some(Draft {
        typed,
        form,
        ending,
    })
}

/// What came of questions, in order: `CHOSEN:OUTCOME`, or nothing for one that was not run.
pub(crate) fn answered(answers: &[Answer]) -> String {
    let words: Vec<_> = answers
        .iter()
        .map(|answer| match answer {
            Answer::Known { chosen, outcome } => {
                [&chosen.to_string(), ":", &outcome.to_string()].concat()
            }
            _ => String::new(),
        })
        .collect();
    words.join(",")
}

/// What was kept of questions, as far as the lab still has them.
pub(crate) fn answers(text: Option<String>, lab: &wire::Lab) -> Vec<Answer> {
    let text = text.unwrap_or_default();
    let answers = text.split(',').zip(&lab.questions);
    answers
        .map(|(word, question)| {
            let choice = |word: &str| {
                let choice = word.parse().ok();
                choice.filter(|choice| *choice < question.choices.len())
            };
            let known = word.split_once(':');
            known
                .and_then(|(chosen, outcome)| {
                    let (chosen, outcome) = (choice(chosen)?, choice(outcome)?);
                    Some(Answer::Known { chosen, outcome })
                })
                .unwrap_or_default()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::{Answer, Draft, Ending, Form};
    use super::{answered, answers, draft, texts};

    #[test]
    fn a_draft_comes_back_as_it_was() {
        for form in [Form::Text, Form::Hex] {
            for ending in [Ending::None, Ending::Lf, Ending::CrLf] {
                let typed = "a \\n".to_owned();
                let before = Draft {
                    typed,
                    form,
                    ending,
                };
                let texts = texts(&before);
                let text = |name: &str| {
                    let found = texts.iter().find(|(other, _)| *other == name);
                    found.map(|(_, text)| (*text).to_owned())
                };
                assert_eq!(draft(text), Some(before.clone()));
            }
        }
    }

    #[test]
    fn without_a_kept_draft_there_is_none_and_unknown_words_do_no_harm() {
        assert_eq!(draft(|_| None), None);
        let odd = draft(|_| Some("?".to_owned())).unwrap();
        assert_eq!((odd.form, odd.ending), (Form::Text, Ending::None));
    }

    #[test]
    fn answers_come_back_if_the_lab_still_has_the_question() {
        let mut lab = super::super::lab::tests::spec();
        let known = Answer::Known {
            chosen: 1,
            outcome: 0,
        };
        let text = answered(&[Answer::None, known, Answer::Running(1)]);
        assert_eq!(text, ",1:0,");
        assert_eq!(answers(Some(text.clone()), &lab), []);
        let choice = wire::lab::Choice {
            say: Vec::new(),
            seen: "client end".parse().unwrap(),
            why: Vec::new(),
        };
        let question = wire::lab::Question {
            ask: Vec::new(),
            play: Vec::new(),
            choices: vec![choice.clone(), choice],
        };
        lab.questions = vec![question.clone(), question];
        assert_eq!(answers(Some(text), &lab), [Answer::None, known]);
        let odd = Some("9:0,x".to_owned());
        assert_eq!(answers(odd, &lab), [Answer::None, Answer::None]);
    }
}
