//! Statements that are long or deep, as tools write them, with a table somewhere in them.

use super::{Grammar, Type};

impl Grammar<'_> {
    pub(super) fn long(&mut self) {
        match self.rng.below(8) {
            0 => self.chain_of_queries(),
            1 => {
                self.w("select 1 from");
                let source = self.relation();
                self.scopes.push(vec![source]);
                self.w("where");
                self.chain(&["or", "and", "or not"], Type::Bool, "true");
                self.scopes.pop();
            }
            2 => self.nested_queries(),
            3 => self.nested("upper (", ")", Type::Text),
            4 => {
                self.w("select");
                self.chain(&["||"], Type::Text, "'a'");
            }
            5 => {
                self.w("select");
                self.chain(&["+", "-", "*"], Type::Int, "1");
            }
            6 => self.chain_of_names(),
            _ => self.nested("(", ")", Type::Int),
        }
    }

    /// Operands between operators, a few of which are queries.
    fn chain(&mut self, operators: &[&str], of: Type, plain: &str) {
        let count = 20 + self.rng.below(300);
        let query = self.rng.below(count);
        for at in 0..count {
            if at > 0 {
                self.one_of(operators);
            }
            if at == query || self.rng.percent(1) {
                self.w("(");
                self.aggregate_query(of);
                self.w(")");
            } else {
                self.w(plain);
            }
        }
    }

    fn chain_of_queries(&mut self) {
        let count = 10 + self.rng.below(200);
        for at in 0..count {
            if at > 0 {
                self.one_of(&["union all", "union all", "union", "except", "intersect"]);
            }
            let is_closed = self.rng.percent(10);
            if is_closed {
                self.w("(");
            }
            match self.rng.percent(90) {
                true => {
                    self.w("select 1");
                    self.maybe(90, "from x . a");
                }
                false => {
                    self.w("select 1 from");
                    self.relation();
                }
            }
            if is_closed {
                self.w(")");
            }
        }
    }

    fn nested_queries(&mut self) {
        let depth = 5 + self.rng.below(60);
        for _ in 0..depth {
            self.w("select a from (");
        }
        self.w("select a from");
        self.table();
        for _ in 0..depth {
            self.w(") as x");
            if self.rng.percent(5) {
                self.w("where exists ( select 1 from");
                self.relation();
                self.w(")");
            }
        }
    }

    fn nested(&mut self, begin: &str, end: &str, of: Type) {
        let depth = 5 + self.rng.below(150);
        self.w("select");
        for _ in 0..depth {
            self.w(begin);
        }
        self.w("(");
        self.aggregate_query(of);
        self.w(")");
        for _ in 0..depth {
            self.w(end);
        }
    }

    /// Queries of WITH, each of which names the one before it.
    fn chain_of_names(&mut self) {
        let count = 5 + self.rng.below(60);
        self.w("with w0 as ( select a from");
        self.table();
        self.w(")");
        for at in 1..count {
            self.raw(",");
            self.raw(format!("w{at}"));
            self.w("as ( select a from");
            match self.rng.percent(95) {
                true => self.raw(format!("w{}", at - 1)),
                false => {
                    self.table();
                }
            }
            self.w(")");
        }
        self.w("select a from");
        self.raw(format!("w{}", count - 1));
    }
}
