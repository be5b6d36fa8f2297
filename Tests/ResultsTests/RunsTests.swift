import Foundation
import Testing

/// Runs that are kept: named, listed, stood on, brought out and removed.
struct RunsTests {
  @Test func namesOfTheNewestRuns() throws {
    try Shell.with { shell in
      let outcome = try shell.run(
        """
        $uwrx check last; echo $?; for n in one two three; do run "echo $n"; done; readlink build/last
        for t in last last~ last~1 last~2 build/last build/last~1 $PWD/build/last~2; do $uwrx inspect output $t; done
        $uwrx inspect output last~3; echo $?
        $uwrx run --quiet --parent last~1 -- true; readlink build/30/0/parent/0; readlink build/last
        ln -sfn ../.. build/last; run 'echo four'; readlink build/last; rm build/last; mkdir build/last; run true; ls build/last | wc -l
        """)
      #expect(
        outcome.output
          == "125\none\ntwo\nthree\n20/0\nthree\ntwo\ntwo\none\nthree\ntwo\none\n125\n../../../10/0\n30/0\nfour\n40/0\n0\n",
        "\(outcome)")
      #expect(outcome.error.contains("last~3 is before the first run: build keeps 3"), "\(outcome)")
    }
  }

  @Test func runsAreListed() throws {
    try Shell.with { shell in
      let outcome = try shell.run(
        """
        run 'exit 3'; $uwrx run --quiet --step 0 --parent last --system -- sh -c 'echo a  b > f; kill -9 $$'
        $uwrx list; $uwrx list --format json; $uwrx list --build nowhere; echo $?
        """)
      let lines = outcome.output.split(separator: "\n")
      #expect(
        lines[0].hasPrefix("run  started") && lines[1].hasPrefix("0/0 ") && lines[1].contains("exit 3"), "\(outcome)")
      #expect(
        lines[2].hasPrefix("0/1 ") && lines[2].contains("exit 137")
          && lines[2].hasSuffix("sh -c 'echo a  b > f; kill -9 $$'"))
      #expect(outcome.output.hasSuffix("125\n"), "\(outcome)")
      let objects = try lines.filter { $0.hasPrefix("{") }.map {
        try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
      }
      #expect(objects.map { $0["run"] as? String } == ["0/0", "0/1"])
      #expect(objects.map { $0["exit"] as? Int } == [3, 137])
      #expect(objects[1]["command"] as? [String] == ["sh", "-c", "echo a  b > f; kill -9 $$"])
      #expect((objects[1]["parents"] as? [String])?.first?.hasSuffix("/project/build/0/0") == true)
      #expect(objects.allSatisfy { ($0["duration"] as? Int ?? 0) > 0 && ($0["size"] as? Int ?? 0) > 0 })
    }
  }

  @Test(arguments: [
    ("--keep 2", "0 10 20"), ("--keep 0", "0 10 20 30 40"), ("--older 0", "0 10 20 30 40"), ("--older 1d", ""),
    ("--keep 1 --older 0s", "0 10 20 30"), ("--keep 3 --older 1h", ""), ("--size 1", "0 10 20 30 40"),
    ("--size 10G", ""),
  ])
  func runsArePrunedByRules(_ rules: String, _ removed: String) throws {
    try Shell.with { shell in
      #expect(
        try shell.run("for n in 1 2 3 4 5; do run true; done; mkdir build/other; echo x > build/note").status == 0)
      let names = removed.split(separator: " ")
      let told = names.map { "\($0)/0" }
      let dry = try shell.run("$uwrx prune \(rules) --dry-run; ls build | wc -l")
      #expect(dry.output.hasSuffix("8\n"), "\(dry)")
      let outcome = try shell.run("$uwrx prune \(rules) | cut -d' ' -f2; ls build; readlink build/last")
      let left = ["0", "10", "20", "30", "40"].filter { !names.contains(Substring($0)) }
      let last = left.isEmpty ? [] : ["last"]
      let link = left.last.map { ["\($0)/0"] } ?? []
      #expect(
        outcome.output.split(separator: "\n").map(String.init) == told + left + last + ["note", "other"] + link,
        "\(outcome)")
    }
  }

  @Test func whatIsNeededIsNotPruned() throws {
    try Shell.with { shell in
      let outcome = try shell.run(
        """
        run true; run true; $uwrx run --quiet --parent build/0/0 -- true; $uwrx run --quiet --parent build/20/0 -- true
        mkfifo f; $uwrx run --quiet --step 100 --system -- sh -c 'echo begun; cat' < <(cat f) > began &
        exec 3> f; until grep -q begun began; do sleep 0.05; done
        prune() { $uwrx prune $@ | cut -d' ' -f2; ls build; }; prune --keep 2; prune --keep 0; exec 3>&-; wait; prune --keep 0
        """)
      #expect(
        outcome.output
          == "10/0\n0\n100\n20\n30\nlast\n0/0\n20/0\n30/0\n100\nlast\n100/0\n", "\(outcome)")
      #expect(
        outcome.error.contains("20/0 stays: another run stands on it")
          && outcome.error.contains("100/0 stays: it goes on"))
    }
  }

  @Test func resultsOfARunThatStandsOnAnother() throws {
    try Shell.with { shell in
      let outcome = try shell.run(
        """
        printf '1\\n2\\n' > a; echo b > b; mkdir d; echo e > d/e
        run 'echo first >> a; echo n > n; mv d f'; $uwrx run --quiet --parent last -- bash -c 'echo second >> a; rm n; echo more >> f/e; echo o > o'
        $uwrx diff last --name-status; $uwrx apply last; echo $?
        $uwrx diff --with-parents last --name-status; $uwrx apply --with-parents last; echo $?; cat a f/e; ls
        $uwrx undo last; $uwrx apply last~1 && $uwrx apply last; cat a f/e; ls; $uwrx undo last && $uwrx undo last~1; ls; cat a
        """)
      #expect(
        outcome.output == """
          M\ta
          A\tf/e
          A\to
          1
          M\ta
          D\td/e
          A\tf/e
          A\to
          M\ta
          D\td/e
          A\tf/e
          A\to
          0
          1
          2
          first
          second
          e
          more
          a
          b
          build
          f
          o
          M\ta
          D\td/e
          A\tf/e
          A\tn
          M\ta
          M\tf/e
          D\tn
          A\to
          1
          2
          first
          second
          e
          more
          a
          b
          build
          f
          o
          a
          b
          build
          d
          1
          2

          """, "\(outcome)")
      #expect(outcome.error.contains("a: the run stands on another whose change of it is not there"), "\(outcome)")
    }
  }

  @Test func anotherCheckoutStandsForTheProject() throws {
    try Shell.with { shell in
      let outcome = try shell.run(
        """
        echo a > a; echo b > b; cp -r . ../other; cp -r . ../changed; echo mine > ../changed/a
        run 'echo run >> a; echo n > n; rm b'; $uwrx apply last --to ../other; echo $?; ls; ls ../other; cat ../other/a
        $uwrx undo last; ls ../other; $uwrx apply last --to ../changed; echo $?
        """)
      #expect(
        outcome.output.hasSuffix("0\na\nb\nbuild\na\nn\na\nrun\na\nb\n1\n"), "\(outcome)")
      #expect(
        outcome.error.contains("../changed/a: it differs from the project's")
          || outcome.error.contains("changed/a: it differs"))
    }
  }

  @Test func lastVersionsAreExported() throws {
    try Shell.with { shell in
      let outcome = try shell.run(
        """
        echo a > a; run 'echo 1 > n; bash -c "echo 2 > n"; ln n m; ln -s n l; mkdir -p d/e; rm a; chmod 4750 n; mkfifo f; touch -d 2001-02-03 d/t; echo x > $(printf "\\377")
        chown 7:8 d/t; truncate -s 3M h; echo end >> h'
        $uwrx export last --to ../out -C . ; (cd ../out; find . -printf '%P %y %m %l\\n' | LC_ALL=C sort; stat -c %h n; cat n; stat -c %y d/t)
        $uwrx export last --tar ../out.tar; tar tf ../out.tar | grep -c "^${PWD#/}/d/t$"
        $uwrx export last --tar - -C . | (mkdir ../x; cd ../x; tar x --warning=no-unknown-keyword; stat -c %h n; cat n; tail -c 4 h; stat -c '%s %b' h | awk '{print $1, ($2 < 100)}')
        $uwrx export last --tar - -C . d | tar tvf - --numeric-owner | grep d/t | cut -c1-14
        $uwrx export last --to ../out; echo $?; $uwrx export last --to ../y -C . nothing; echo $?
        """)
      #expect(
        outcome.output == """
           d 755\u{20}
          d d 755\u{20}
          d/e d 755\u{20}
          d/t f 644\u{20}
          f p 644\u{20}
          h f 644\u{20}
          l l 777 n
          m f 750\u{20}
          n f 750\u{20}
          \u{fffd} f 644\u{20}
          2
          2
          2001-02-03 00:00:00.000000000 +0000
          1
          2
          2
          end
          3145732 1
          -rw-r--r-- 7/8
          125
          125

          """, "\(outcome)")
    }
  }

  @Test func aRunAppliesItselfIfItSucceeds() throws {
    try Shell.with { shell in
      let outcome = try shell.run(
        """
        $uwrx run --system --apply -- sh -c 'echo a > a; exit 3'; echo $?; ls; $uwrx run --system --apply -- sh -c 'echo a > a'; echo $?; cat a
        $uwrx run --quiet --system --apply -- sh -c 'echo b > a; mkdir -p .git/hooks; echo x > .git/hooks/h'; echo $?; cat a; $uwrx undo last; cat a
        """)
      #expect(outcome.output == "3\nbuild\nA\ta\n0\na\n125\nb\na\n", "\(outcome)")
      #expect(outcome.error.contains("not applied: .git/hooks/h"))
    }
  }

  @Test func whatIsKeptIsChecked() throws {
    try Shell.with { shell in
      let outcome = try shell.run(
        """
        echo a > a; run 'echo run > a'; $uwrx check last; $uwrx apply last > /dev/null; $uwrx check last; echo $?
        echo x >> build/0/0/files$PWD/a; $uwrx check last; echo $?; rm build/0/0/files.base; $uwrx check last | grep -c files.base
        """)
      let trace = "\(shell.project)/build/0/0"
      #expect(
        outcome.output
          == "the trace \(trace) is whole\nthe trace \(trace) is whole\n0\n\(trace)/files\(shell.project)/a is not what the run has kept\n1\n1\n",
        "\(outcome)")
    }
  }
}
