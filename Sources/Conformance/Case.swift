import Glibc

/// One way to run a fixture.
public struct Case: Sendable {
  public enum Linkage: String, CaseIterable, Sendable { case dynamic, `static` }

  public enum User: String, CaseIterable, Sendable {
    /// Root, as we are.
    case root
    /// An ordinary user: uid 1000 where we are root, else whoever we are.
    case user
  }

  /// Where the files are that the fixture finds.
  public enum Ground: String, CaseIterable, Sendable {
    /// In a source: the host has them.
    case source
    /// In the run's own layer: the same run has made them before.
    case own
    /// In the layer of an earlier run.
    case parent
  }

  public let fixture: Fixture
  public let linkage: Linkage
  public let user: User
  public let ground: Ground
  /// Further ones of `uwrx run`.
  public let options: [String]

  public var description: String {
    let way =
      [linkage.rawValue, user.rawValue, ground.rawValue] + (options.isEmpty ? [] : [options.joined(separator: " ")])
    return "\(fixture.name) (\(way.joined(separator: ", ")))"
  }

  /// Every way to run the fixtures.
  /// - Parameter options: of `uwrx run`, for each case.
  public static func all(of fixtures: [Fixture], with options: [String] = []) -> [Case] {
    let users: [User] = getuid() == 0 ? [.root, .user] : [.user]
    let below = fixtures.flatMap { fixture in
      Linkage.allCases.flatMap { linkage in
        users.map { Case(fixture: fixture, linkage: linkage, user: $0, ground: .source, options: options) }
      }
    }
    // Only root can make the files of strangers inside a run.
    guard users.contains(.root) else { return below }
    return below
      + fixtures.flatMap { fixture in
        [Ground.own, .parent].map {
          Case(fixture: fixture, linkage: .dynamic, user: .root, ground: $0, options: options)
        }
      }
  }

  /// Whether it runs with an option, given without its dashes. `--reproducible` has those that it is made of.
  func has(_ option: String) -> Bool { options.contains("--reproducible") || options.contains("--" + option) }

  public var becomesOther: Bool { user == .user && getuid() == 0 }

  /// What is put before a command to become the user, empty where we are that already.
  var becoming: [String] { becomesOther ? Self.becomingOrdinary : [] }

  static let becomingOrdinary = ["/usr/bin/env", "setpriv", "--reuid", "1000", "--regid", "1000", "--clear-groups"]
  static let ordinaryOwner = "1000:1000"

  /// Who the guest is to itself: who the user is natively.
  var ids: (user: UInt32, group: UInt32) { becomesOther ? (1000, 1000) : (getuid(), getgid()) }
}
