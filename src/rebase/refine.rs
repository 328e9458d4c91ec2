//! Partition refinement: the coarsest partition of a graph's nodes such that nodes of one class
//! have equal keys and edges of equal labels lead to equal classes.
//!
//! This is the algorithm of Valmari ("Fast brief practical DFA minimization", 2012): classes of
//! nodes and of edges split each other, always by marking the smaller part. n log n in the number
//! of edges, whatever the graph looks like.

// All numbers here are made by this file, from 0 up without gaps, and index what was made for them;
// file data decides only how many there are.
#![allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation
)]

/// An edge: from a node, by the position of the reference in its record, to a node.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Edge {
    pub(crate) from: u32,
    pub(crate) label: u32,
    pub(crate) to: u32,
}

/// Sets of the numbers from 0 up, that can only become finer.
struct Sets {
    /// The elements, those of one set together.
    elements: Vec<u32>,
    /// Where each element is among them, and which set it is in.
    place: Vec<u32>,
    set: Vec<u32>,
    /// Of each set: its range in `elements`, and how many at its front are marked.
    first: Vec<u32>,
    past: Vec<u32>,
    marked: Vec<u32>,
    touched: Vec<u32>,
}

impl Sets {
    /// Elements of equal keys in one set; the keys are numbers from 0 up.
    fn of(keys: &[u32]) -> Sets {
        let sets = keys.iter().max().map_or(0, |max| *max as usize + 1);
        let mut first = vec![0_u32; sets + 1];
        for key in keys {
            first[*key as usize + 1] += 1;
        }
        for set in 0..sets {
            first[set + 1] += first[set];
        }
        let past = first[1..].to_vec();
        first.truncate(sets);
        let mut next = first.clone();
        let mut elements = vec![0; keys.len()];
        let mut place = vec![0; keys.len()];
        for (element, key) in keys.iter().enumerate() {
            let at = &mut next[*key as usize];
            elements[*at as usize] = element as u32;
            place[element] = *at;
            *at += 1;
        }
        let marked = vec![0; sets];
        Sets { elements, place, set: keys.to_vec(), first, past, marked, touched: Vec::new() }
    }

    fn len(&self) -> usize {
        self.first.len()
    }

    fn range(&self, set: usize) -> std::ops::Range<usize> {
        self.first[set] as usize..self.past[set] as usize
    }

    /// Marks an element, by moving it into the marked front of its set.
    fn mark(&mut self, element: u32) {
        let set = self.set[element as usize] as usize;
        let (at, front) = (self.place[element as usize], self.first[set] + self.marked[set]);
        if at < front {
            return;
        }
        let other = self.elements[front as usize];
        self.elements[at as usize] = other;
        self.place[other as usize] = at;
        self.elements[front as usize] = element;
        self.place[element as usize] = front;
        if self.marked[set] == 0 {
            self.touched.push(set as u32);
        }
        self.marked[set] += 1;
    }

    /// Parts every set with marks in two; the smaller part becomes the new set.
    fn split(&mut self) {
        while let Some(set) = self.touched.pop() {
            let set = set as usize;
            let (first, past) = (self.first[set], self.past[set]);
            let middle = first + self.marked[set];
            self.marked[set] = 0;
            if middle == past {
                continue;
            }
            let (new_first, new_past) = if middle - first <= past - middle {
                self.first[set] = middle;
                (first, middle)
            } else {
                self.past[set] = middle;
                (middle, past)
            };
            let new = self.first.len() as u32;
            for at in new_first..new_past {
                self.set[self.elements[at as usize] as usize] = new;
            }
            self.first.push(new_first);
            self.past.push(new_past);
            self.marked.push(0);
        }
    }
}

/// The class of every node. Nodes start out together if their keys, numbers from 0 up, are equal.
pub(crate) fn classes(keys: &[u32], edges: &[Edge]) -> Vec<u32> {
    let mut nodes = Sets::of(keys);
    let labels: Vec<u32> = edges.iter().map(|edge| edge.label).collect();
    let mut cords = Sets::of(&labels);
    // The edges by where they lead to.
    let heads = Sets::of(&edges.iter().map(|edge| edge.to).collect::<Vec<_>>());
    let (mut cord, mut block) = (0, 1);
    while cord < cords.len() {
        for at in cords.range(cord) {
            nodes.mark(edges[cords.elements[at] as usize].from);
        }
        nodes.split();
        cord += 1;
        while block < nodes.len() {
            for at in nodes.range(block) {
                let node = nodes.elements[at] as usize;
                if node < heads.len() {
                    for edge in heads.range(node) {
                        cords.mark(heads.elements[edge]);
                    }
                }
            }
            cords.split();
            block += 1;
        }
    }
    nodes.set
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edges(list: &[(u32, u32, u32)]) -> Vec<Edge> {
        list.iter().map(|&(from, label, to)| Edge { from, label, to }).collect()
    }

    /// The same by the definition: round after round until nothing splits any more.
    fn slow(keys: &[u32], edges: &[Edge]) -> Vec<u32> {
        let mut classes = keys.to_vec();
        loop {
            let mut seen: Vec<(u32, Vec<(u32, u32)>)> = Vec::new();
            let mut next = Vec::new();
            for (node, class) in classes.iter().enumerate() {
                let mut out: Vec<(u32, u32)> = edges
                    .iter()
                    .filter(|edge| edge.from as usize == node)
                    .map(|edge| (edge.label, classes[edge.to as usize]))
                    .collect();
                out.sort_unstable();
                let key = (*class, out);
                let at = seen.iter().position(|other| *other == key).unwrap_or(seen.len());
                if at == seen.len() {
                    seen.push(key);
                }
                next.push(at as u32);
            }
            let before = classes.iter().max().copied();
            let done = next.iter().max().copied() == before && same(&next, &classes);
            classes = next;
            if done {
                return classes;
            }
        }
    }

    /// Whether both put the same nodes together.
    fn same(a: &[u32], b: &[u32]) -> bool {
        let pairs = |x: &[u32], y: &[u32]| {
            (0..x.len()).all(|i| (0..i).all(|j| x[i] != x[j] || y[i] == y[j]))
        };
        pairs(a, b) && pairs(b, a)
    }

    #[test]
    fn a_chain_that_differs_at_its_end() {
        // Two chains 0-1-2-3 and 4-5-6-7, which end in nodes of different keys.
        let chain = [(0, 0, 1), (1, 0, 2), (2, 0, 3), (4, 0, 5), (5, 0, 6), (6, 0, 7)];
        let found = classes(&[0, 0, 0, 1, 0, 0, 0, 2], &edges(&chain));
        assert!((0..8).all(|i| (0..i).all(|j| found[i] != found[j])));
        let found = classes(&[0, 0, 0, 1, 0, 0, 0, 1], &edges(&chain));
        assert!((0..4).all(|i| found[i] == found[i + 4]));
    }

    #[test]
    fn loops_of_different_length_are_the_same() {
        let found = classes(
            &[0; 6],
            &edges(&[(0, 0, 0), (1, 0, 2), (2, 0, 1), (3, 0, 4), (4, 0, 5), (5, 0, 3)]),
        );
        assert!(found.iter().all(|class| *class == found[0]));
    }

    #[test]
    fn as_by_the_definition() {
        let mut seed = 1_u64;
        let mut random = |below: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            ((seed >> 33) % below) as u32
        };
        for _ in 0..3000 {
            let count = 1 + random(12);
            let kinds = 1 + random(3);
            let keys: Vec<u32> = (0..count).map(|_| random(u64::from(kinds))).collect();
            let mut list = Vec::new();
            for from in 0..count {
                // As many edges as its key says, so that labels belong to keys.
                for label in 0..=keys[from as usize] {
                    list.push(Edge { from, label, to: random(u64::from(count)) });
                }
            }
            assert!(same(&classes(&keys, &list), &slow(&keys, &list)), "{keys:?} {list:?}");
        }
    }
}
