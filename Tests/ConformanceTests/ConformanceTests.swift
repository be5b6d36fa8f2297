import Conformance
import Glibc
import Testing

/// Linux is the oracle: each fixture prints what it observes, natively and under uwrx, and the bytes must agree.
@Suite struct ConformanceTests {
  @Test(
    "A fixture sees under uwrx what it sees natively, and the lower layer stays as it was", arguments: Checkout.cases)
  func agrees(_ test: Case) throws {
    switch try Checkout.harness.get().run(test).outcome {
    case .passed: break
    case .failed(let problems): Issue.record("\(test.description) differs\n\(problems.joined(separator: "\n"))")
    // Here everything is to be tried: a machine that develops uwrx can.
    case .skipped(let reason): Issue.record("\(test.description) was not tried: \(reason)")
    }
  }

  @Test("Every intended difference is about a fixture that exists")
  func differencesAreWellFormed() throws {
    let set = try Checkout.set.get()
    #expect(set.differences.entries.map(\.fixture).filter { set[$0] == nil } == [])
  }

  @Test("The suite in the program is the one of the checkout")
  func builtInIsComplete() throws {
    var missing: [String] = []
    for folder in ["Fixtures", "Conformance"] {
      for name in Checkout.files(in: "\(Checkout.package)/\(folder)") {
        guard let file = FixtureSet.builtInFiles.first(where: { $0.name == "\(folder)/\(name)" }) else {
          missing += ["FILE(\"\(folder)/\(name)\")", "#embed \"../../\(folder)/\(name)\" suffix(, 0)"]
          continue
        }
        let text = Checkout.contents("\(Checkout.package)/\(folder)/\(name)")
        #expect(file.text == text, "\(name) is not what was built in")
      }
    }
    #expect(missing == [], "add to Sources/CConformance/files.c:\n\(missing.joined(separator: "\n"))")
  }
}

extension Case: CustomTestStringConvertible {
  public var testDescription: String { description }
}
