//! A value that is worked out from others and told on only when it has changed.
//!
//! It has the methods of Leptos' own `Memo`, on top of a single one: that one is compiled anew for
//! every type of value, this one for none, which keeps the page small.

use std::any::Any;
use std::marker::PhantomData;
use std::sync::Arc;

use leptos::prelude::{Get, GetUntracked, RwSignal, With};

use crate::state::Lab;

type Value = Arc<dyn Any + Send + Sync>;

/// A value, and how to tell whether another one is the same.
#[derive(Clone)]
struct Erased {
    value: Value,
    is_same: fn(&Value, &Value) -> bool,
}

impl PartialEq for Erased {
    fn eq(&self, other: &Self) -> bool {
        (self.is_same)(&self.value, &other.value)
    }
}

fn is_same<T: PartialEq + 'static>(one: &Value, other: &Value) -> bool {
    one.downcast_ref::<T>() == other.downcast_ref::<T>()
}

impl Erased {
    fn new<T: PartialEq + Send + Sync + 'static>(value: T) -> Self {
        Self {
            value: Arc::new(value),
            is_same: is_same::<T>,
        }
    }
}

type Work = Box<dyn Fn() -> Erased + Send + Sync>;

fn memo(work: Work) -> leptos::prelude::Memo<Erased> {
    leptos::prelude::Memo::new(move |_| work())
}

type Part = Box<dyn Fn(&Lab) -> Erased + Send + Sync>;

fn memo_of(lab: RwSignal<Lab>, part: Part) -> leptos::prelude::Memo<Erased> {
    memo(Box::new(move || lab.with(&part)))
}

/// A handle to the value.
pub(super) struct Memo<T> {
    inner: leptos::prelude::Memo<Erased>,
    of: PhantomData<fn() -> T>,
}

impl<T> Clone for Memo<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Memo<T> {}

impl<T: Clone + PartialEq + Send + Sync + 'static> Memo<T> {
    /// A value that is worked out anew when a signal that `work` read has changed.
    pub(super) fn new(work: impl Fn(()) -> T + Send + Sync + 'static) -> Self {
        Self {
            inner: memo(Box::new(move || Erased::new(work(())))),
            of: PhantomData,
        }
    }

    /// A part of a lab.
    pub(super) fn of(lab: RwSignal<Lab>, part: impl Fn(&Lab) -> T + Send + Sync + 'static) -> Self {
        Self {
            inner: memo_of(lab, Box::new(move |lab| Erased::new(part(lab)))),
            of: PhantomData,
        }
    }

    /// The value, read so that a change of it is told.
    pub(super) fn get(self) -> T {
        cast::<T>(&self.inner.get()).clone()
    }

    /// The value, read in passing.
    pub(super) fn get_untracked(self) -> T {
        cast::<T>(&self.inner.get_untracked()).clone()
    }

    /// What `look` makes of the value.
    pub(super) fn with<U>(self, look: impl FnOnce(&T) -> U) -> U {
        look(cast(&self.inner.get()))
    }
}

fn cast<T: 'static>(erased: &Erased) -> &T {
    match erased.value.downcast_ref() {
        Some(value) => value,
        None => unreachable!("a memo holds what its work returns"),
    }
}
