//! What a reader does and sees in one lab.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use thirtyfour::Key;
use wire::session::is_simulated;
use wire::{Act, Lab, Play};

use super::reader::Reader;

/// One lab on the page.
pub struct LabOnPage<'a> {
    pub(super) reader: &'a Reader,
    pub(super) name: String,
}

impl LabOnPage<'_> {
    /// The lesson's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the chapter says about this lab.
    pub async fn spec(&self) -> Result<Lab> {
        let bytes = self
            .reader
            .run(
                "return [...atob(labOf(argument).dataset.spec)].map(byte => byte.charCodeAt(0))",
                json!(self.name),
            )
            .await?;
        let bytes: Vec<u8> = serde_json::from_value(bytes)?;
        Ok(postcard::from_bytes(&bytes)?)
    }

    /// Waits until the lab is in this state: `live`, `offline`, ...
    pub async fn becomes(&self, state: &str) -> Result<()> {
        self.wait(
            &format!("the lab {} as {state}", self.name),
            "lab.dataset.state === argument.value",
            json!(state),
        )
        .await
    }

    /// Whether its server runs in a simulated network.
    pub async fn is_simulated(&self) -> Result<bool> {
        Ok(is_simulated(&self.spec().await?.server))
    }

    /// Waits until the lab can be used: live, or simulated if its server is. Simulated time then
    /// passes as fast as it can.
    pub async fn is_ready(&self) -> Result<()> {
        if self.is_simulated().await? {
            // Its simulator starts when it comes into view.
            let into_view = "labOf(argument).scrollIntoView(); return true";
            self.reader.run(into_view, json!(self.name)).await?;
            self.becomes("simulated").await?;
            return self.fill("Speed", "10000").await;
        }
        self.becomes("live").await
    }

    /// Presses the button of this name, once it can be pressed.
    pub async fn click(&self, button: &str) -> Result<()> {
        self.wait(
            &format!("a button {button} that can be pressed"),
            "canBePressed(buttonOf(lab, argument.value))",
            json!(button),
        )
        .await?;
        self.reader
            .run(
                "buttonOf(labOf(argument.lab), argument.value).click(); return true",
                self.argument(json!(button)),
            )
            .await?;
        Ok(())
    }

    /// Replaces what stands in the composer by typing, key by key.
    pub async fn type_message(&self, text: &str) -> Result<()> {
        self.wait("the text box Message", "messageOf(lab)", Value::Null)
            .await?;
        self.reader
            .run(
                "const box = messageOf(labOf(argument.lab)); box.focus(); box.select(); return true",
                self.argument(Value::Null),
            )
            .await?;
        self.reader
            .press(format!("{}{text}", Key::Backspace.value()))
            .await
    }

    /// What stands in the composer.
    pub async fn message(&self) -> Result<String> {
        let message = self
            .reader
            .run(
                "return messageOf(labOf(argument.lab)).value",
                self.argument(Value::Null),
            )
            .await?;
        Ok(message.as_str().unwrap_or_default().to_owned())
    }

    /// Types a message and presses Send.
    pub async fn send_text(&self, text: &str) -> Result<()> {
        self.type_message(text).await?;
        self.click("Send").await
    }

    /// Does what a step's `play` says, with the real buttons.
    pub async fn play(&self, play: &Play) -> Result<()> {
        self.choose_client(play.client.as_deref().unwrap_or("You"))
            .await?;
        match &play.act {
            Act::Connect => self.click("Connect").await,
            Act::Send(bytes) => {
                let text = wire::text::to_escaped(bytes);
                // Nobody types that much by hand.
                if text.len() > 200 {
                    self.fill("Message", &text).await?;
                    self.click("Send").await
                } else {
                    self.send_text(&text).await
                }
            }
            Act::HalfClose => self.click("Half-close").await,
            Act::Close => self.click("Close").await,
            Act::Reset => self.click("Reset").await,
            Act::Ask { name, kind } => {
                self.fill("Name", name).await?;
                self.fill("Type", kind).await?;
                self.click("Ask").await
            }
            Act::Option(option, value) => self.set(&option.to_string(), *value).await,
            Act::Slicer(Some(seed)) => self.set("slicer", *seed).await,
            Act::Slicer(None) => self.click("Switch off slicer").await,
            Act::Deadline(Some(ms)) => self.set("deadline", *ms).await,
            Act::Deadline(None) => self.click("Switch off deadline").await,
            Act::Pause | Act::Resume => self.click("Pause reading").await,
            Act::Network(_) | Act::Trap(_) => self.fill_in().await,
            Act::Relay(relay) => {
                self.fill("loss", &relay.loss_percent.to_string()).await?;
                self.fill("duplicate", &relay.duplicate_percent.to_string())
                    .await?;
                self.fill("reorder", &relay.reorder_percent.to_string())
                    .await?;
                self.fill("delay", &relay.delay_ms.to_string()).await?;
                self.set("seed", relay.seed).await
            }
        }
    }

    /// Makes the composer speak for the client of this name, where there are several.
    pub async fn choose_client(&self, name: &str) -> Result<()> {
        self.wait(
            &format!("the client {name}"),
            "(group => group
               ? [...group.querySelectorAll('button')]
                   .some(button => button.textContent.replace('(connected)', '').trim() === argument.value
                     && (button.click(), true))
               : argument.value === 'You')(named(lab, '[role=group]', 'Client'))",
            json!(name),
        )
        .await
    }

    /// Puts a value into the control of this name.
    pub async fn fill(&self, control: &str, value: &str) -> Result<()> {
        self.wait(
            &format!("a control {control}"),
            "(control => control && (control.value = argument.value[1],
               control.dispatchEvent(new Event('input', { bubbles: true })),
               control.dispatchEvent(new Event('change', { bubbles: true })), true))
             (named(lab, 'input, select', argument.value[0]))",
            json!([control, value]),
        )
        .await
    }

    async fn set(&self, control: &str, value: impl std::fmt::Display) -> Result<()> {
        self.fill(control, &value.to_string()).await?;
        self.click(&format!("Set {control}")).await
    }

    /// Waits for a row of the exchange: this end, this action, and this text in what it shows.
    pub async fn see_row(&self, end: &str, action: &str, text: &str) -> Result<()> {
        self.wait(
            &format!("a row: {end} {action} {text}"),
            "rowsOf(lab).some(row => row.dataset.end === argument.value[0]
               && row.dataset.action === argument.value[1]
               && row.textContent.includes(argument.value[2]))",
            json!([end, action, text]),
        )
        .await
    }

    /// Selects the first row of this end and action.
    pub async fn select_row(&self, end: &str, action: &str) -> Result<()> {
        self.see_row(end, action, "").await?;
        self.reader
            .run(
                "const row = rowsOf(labOf(argument.lab)).find(row => row.dataset.end === argument.value[0]
                   && row.dataset.action === argument.value[1]);
                 (row.querySelector('button') ?? row).click(); return true",
                self.argument(json!([end, action])),
            )
            .await?;
        Ok(())
    }

    /// Waits until the region Inspector shows this text, however it is spaced.
    pub async fn see_inspected(&self, text: &str) -> Result<()> {
        self.wait(
            &format!("{text} in the inspector"),
            "inspectorOf(lab)?.textContent.replaceAll(/\\s/g, '').includes(argument.value)",
            json!(text.replace(char::is_whitespace, "")),
        )
        .await
    }

    /// Waits until a line of the listing that contains this text is lit.
    pub async fn see_line_lit(&self, text: &str) -> Result<()> {
        self.wait(
            &format!("the line with {text} lit"),
            "[...lab.querySelectorAll('.lit')].some(line => line.textContent.includes(argument.value))",
            json!(text),
        )
        .await
    }

    /// Waits until step number `index`, counted from 0, has ticked.
    pub async fn see_step_ticked(&self, index: usize) -> Result<()> {
        self.wait(
            &format!("step {} of {} ticked", index + 1, self.name),
            "stepsOf(lab)[argument.value]?.dataset.done === 'true'",
            json!(index),
        )
        .await
    }

    /// How many steps have ticked.
    pub async fn steps_ticked(&self) -> Result<usize> {
        let ticked = self
            .reader
            .run(
                "return stepsOf(labOf(argument.lab)).filter(step => step.dataset.done === 'true').length",
                self.argument(Value::Null),
            )
            .await?;
        Ok(ticked.as_u64().context("a number of steps")? as usize)
    }

    /// Goes through all steps as the chapter says, and sees each tick before the next is begun.
    pub async fn follow_all_steps(&self) -> Result<()> {
        let spec = self.spec().await?;
        ensure!(!spec.steps.is_empty(), "the lab {} has no steps", self.name);
        for (index, step) in spec.steps.iter().enumerate() {
            let is_filled_in = |play: &&Play| matches!(play.act, Act::Network(_) | Act::Trap(_));
            let first = step.play.iter().position(|play| is_filled_in(&play));
            // The recorder does a step's plays at one simulated time.
            if is_simulated(&spec.server) && !step.play.is_empty() {
                self.rests().await?;
                self.click("Pause").await?;
            }
            for (place, play) in step.play.iter().enumerate() {
                // One click does all of them.
                if is_filled_in(&play) && first != Some(place) {
                    continue;
                }
                self.play(play)
                    .await
                    .with_context(|| format!("step {}: {play}", index + 1))?;
            }
            if is_simulated(&spec.server) && !step.play.is_empty() {
                self.click("Play").await?;
            }
            self.see_step_ticked(index)
                .await
                .with_context(|| format!("step {}: {}", index + 1, step.seen))?;
        }
        Ok(())
    }

    /// Waits until nothing is under way in the simulated network.
    pub async fn rests(&self) -> Result<()> {
        let nothing = "lab.querySelector('.sim-nothing')";
        self.wait("nothing under way", nothing, Value::Null).await
    }

    /// Presses what does the current step's part that the composer has no control for.
    async fn fill_in(&self) -> Result<()> {
        self.wait(
            "a step to fill in",
            "(button => button && (button.click(), true))
             (buttonOf(lab.querySelector('[aria-current=step]'), 'Fill in'))",
            Value::Null,
        )
        .await
    }

    /// Waits until `expression` is true, with `lab` and `argument.value` in scope.
    pub async fn wait(&self, what: &str, expression: &str, value: Value) -> Result<()> {
        let expression = format!("(lab => lab && ({expression}))(labOf(argument.lab))");
        self.reader
            .wait(what, &expression, self.argument(value))
            .await?;
        Ok(())
    }

    /// What `expression` is now, with `lab` in scope.
    pub async fn value_of(&self, expression: &str) -> Result<Value> {
        let body = format!("const lab = labOf(argument.lab); return {expression}");
        self.reader.run(&body, self.argument(Value::Null)).await
    }

    /// Whether `expression` is true now.
    pub async fn is_true(&self, expression: &str) -> Result<bool> {
        Ok(self.value_of(expression).await? == json!(true))
    }

    fn argument(&self, value: Value) -> Value {
        json!({ "lab": self.name, "value": value })
    }
}
