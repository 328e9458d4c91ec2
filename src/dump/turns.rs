//! Pieces that several threads make, taken in their order.

use std::io;
use std::num::NonZero;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

/// How many threads there should be: no more than that, so that what is made and not yet taken does not become
/// much.
pub(crate) fn threads() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get).min(8)
}

/// So many pieces more than two for each thread may wait to be taken: going to sleep and being woken takes longer than
/// making some.
const SPARE: usize = 12;

/// Makes so many pieces on so many threads, this one included, and takes them one after the other. A piece is made
/// of what taking another gave back, if there is something.
///
/// # Errors
/// The first from taking; nothing is taken after it.
pub(crate) fn in_order<T: Send, R: Default + Send>(
    count: usize,
    threads: usize,
    make: impl Fn(usize, R) -> T + Sync,
    mut take: impl FnMut(T) -> io::Result<R>,
) -> io::Result<()> {
    let table = Table::new(count, threads.saturating_mul(2).saturating_add(SPARE));
    thread::scope(|scope| {
        let _leaving = Leaving { table: &table, for_all: true };
        let work = || {
            let _leaving = Leaving { table: &table, for_all: false };
            let mut turns = table.turns();
            turns.is_shared = true;
            table.tell(&turns);
            while !turns.is_over && turns.next < count {
                turns = table.make_or_wait(turns, &make);
            }
        };
        let mut turns = table.turns();
        turns.is_shared = threads < 2;
        for _ in 1..threads {
            // What one thread less does, the others do.
            turns.is_shared |= thread::Builder::new().spawn_scoped(scope, work).is_err();
        }
        // Linux lets a new thread wait on the processor that this one is on, for milliseconds, unless this one sleeps.
        while !turns.is_shared {
            turns = table.wait(turns);
        }
        drop(turns);
        for piece in 0..count {
            let mut turns = table.turns();
            let made = loop {
                if let Some(made) = turns.place(piece).and_then(Option::take) {
                    break made;
                }
                if turns.is_over {
                    // Another thread panics; so will this one when it has ended.
                    return Ok(());
                }
                turns = table.make_or_wait(turns, &make);
            };
            turns.taken = piece.saturating_add(1);
            table.tell(&turns);
            drop(turns);
            let room = take(made)?;
            table.turns().rooms.push(room);
        }
        Ok(())
    })
}

/// What the threads know of each other.
struct Turns<T, R> {
    /// How many pieces there are.
    count: usize,
    /// The next to be made.
    next: usize,
    /// So many were taken.
    taken: usize,
    /// Those that were made and not yet taken, each where its number leads to when it goes round and round.
    made: Vec<Option<T>>,
    rooms: Vec<R>,
    /// How many threads wait.
    waiting: usize,
    /// That another thread is there, or none will be.
    is_shared: bool,
    is_over: bool,
}

impl<T, R> Turns<T, R> {
    /// Where a piece is put, and taken from.
    fn place(&mut self, piece: usize) -> Option<&mut Option<T>> {
        let place = piece.checked_rem(self.made.len())?;
        self.made.get_mut(place)
    }

    fn may_make(&self) -> bool {
        self.next < self.count && self.next.saturating_sub(self.taken) < self.made.len()
    }
}

struct Table<T, R> {
    turns: Mutex<Turns<T, R>>,
    changed: Condvar,
}

impl<T, R: Default> Table<T, R> {
    fn new(count: usize, held: usize) -> Self {
        let made = std::iter::repeat_with(|| None).take(held.max(1)).collect();
        let (next, taken, waiting, rooms) = (0, 0, 0, Vec::new());
        let (is_shared, is_over) = (false, false);
        let turns = Turns { count, next, taken, made, rooms, waiting, is_shared, is_over };
        Table { turns: Mutex::new(turns), changed: Condvar::new() }
    }

    /// No thread panics while it has this.
    fn turns(&self) -> MutexGuard<'_, Turns<T, R>> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&'a self, mut turns: MutexGuard<'a, Turns<T, R>>) -> MutexGuard<'a, Turns<T, R>> {
        turns.waiting = turns.waiting.saturating_add(1);
        let mut turns = self.changed.wait(turns).unwrap_or_else(PoisonError::into_inner);
        turns.waiting = turns.waiting.saturating_sub(1);
        turns
    }

    /// Makes a piece; waits for something to change if none may be made.
    fn make_or_wait<'a>(
        &'a self,
        mut turns: MutexGuard<'a, Turns<T, R>>,
        make: &impl Fn(usize, R) -> T,
    ) -> MutexGuard<'a, Turns<T, R>> {
        if !turns.may_make() {
            return self.wait(turns);
        }
        let piece = turns.next;
        turns.next = piece.saturating_add(1);
        let room = turns.rooms.pop().unwrap_or_default();
        drop(turns);
        let made = make(piece, room);
        let mut turns = self.turns();
        if let Some(place) = turns.place(piece) {
            *place = Some(made);
        }
        self.tell(&turns);
        turns
    }

    /// Wakes those who wait. It takes a system call, whether there are any or not.
    fn tell(&self, turns: &Turns<T, R>) {
        if turns.waiting > 0 {
            self.changed.notify_all();
        }
    }
}

/// A thread that leaves, and perhaps leaves a piece that others wait for.
struct Leaving<'a, T, R: Default> {
    table: &'a Table<T, R>,
    /// That nothing is taken any more.
    for_all: bool,
}

impl<T, R: Default> Drop for Leaving<'_, T, R> {
    fn drop(&mut self) {
        if self.for_all || thread::panicking() {
            let mut turns = self.table.turns();
            turns.is_over = true;
            self.table.tell(&turns);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_are_taken_in_order() {
        for threads in 1..6 {
            for count in [0, 1, 2, 3, 10, 500] {
                let mut taken = Vec::new();
                let make = |piece: usize, room: Vec<u8>| {
                    assert!(room.is_empty());
                    // Some take longer.
                    (0..piece % 7 * 300).for_each(|i| assert!(std::hint::black_box(i) < 2000));
                    piece
                };
                let take = |piece| {
                    taken.push(piece);
                    Ok(Vec::new())
                };
                in_order(count, threads, make, take).unwrap();
                assert!(taken.iter().copied().eq(0..count), "{threads} threads: {taken:?}");
            }
        }
    }

    #[test]
    fn nothing_is_taken_after_an_error() {
        for threads in 1..4 {
            let mut taken = 0;
            let done = in_order(
                100,
                threads,
                |piece, (): ()| piece,
                |piece| {
                    taken = piece;
                    if piece < 5 { Ok(()) } else { Err(io::ErrorKind::BrokenPipe.into()) }
                },
            );
            assert_eq!(done.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
            assert_eq!(taken, 5);
        }
    }

    /// Whichever thread it is: the others do not wait for it.
    #[test]
    fn a_panic_ends_all() {
        for threads in 1..4 {
            let make = |piece, (): ()| assert!(piece != 50, "on purpose");
            let run = || in_order(100, threads, make, |()| Ok(()));
            assert!(std::panic::catch_unwind(run).is_err());
        }
    }
}
