import ArgumentParser
import Glibc
import Sandbox

// Which directory of the host's the run is given beside the system's, and where it is in the guest.
extension RunCommand {
  func giveSystem(_ configuration: inout RunConfiguration) {
    let tree = Sandbox.systemSources(
      project: projectChoice, at: reproducible.hasPlace ? ReproducibleOptions.place : nil,
      environment: configuration.environment)
    configuration.sources += tree.sources
    configuration.links = tree.links
    configuration.emptyDirectories = tree.emptyDirectories
    if workdir == nil, project != nil || tree.place != tree.project, let directory = startDirectory(tree) {
      configuration.workingDirectory = directory
    }
    if !quiet { for remark in tree.remarks { printError(remark) } }
  }

  /// Where in the project's place the user is in the project.
  private func startDirectory(_ tree: SystemSources) -> String? {
    guard let root = tree.project, let place = tree.place else { return nil }
    guard let own = currentDirectory(), HomeSecrets.isWithin(own, root) else { return place }
    return place + own.dropFirst(root.utf8.count)
  }

  private var projectChoice: Project.Choice {
    project.map { .directory($0) } ?? (noProject ? .none : .found)
  }

  /// The runs of --verify.
  func makeVerification(_ count: Int) throws -> Verification {
    let build = try RunDirectory.makeBuild(build)
    var place: (root: String, workingDirectory: String)?
    var gitDirectories: [String] = []
    if system, reproducible.hasPlace {
      let tree = Sandbox.systemSources(project: projectChoice, at: ReproducibleOptions.place, environment: [])
      if let root = tree.project {
        guard !HomeSecrets.isHome(root), !HomeSecrets.isNear(root) else {
          throw ValidationError(
            "--verify does not copy a home directory: start in a project's directory, or add --keep-place")
        }
        place = (root, workdir ?? startDirectory(tree) ?? ReproducibleOptions.place)
        gitDirectories = tree.sources.filter(\.isTool).map(\.hostPath)
      }
    }
    return Verification(
      count: count, arguments: Verification.options(of: Sandbox.arguments(), keepsPlace: place == nil), build: build,
      step: try RunDirectory.makeStep(in: build, step.map(Int.init)), project: place, gitDirectories: gitDirectories,
      isExact: !reproducible.hasMachine || times == .host, isQuiet: quiet)
  }
}
