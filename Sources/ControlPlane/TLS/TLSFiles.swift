/// The files that TLS needs, for those who only ask whether they fit.
public enum TLSFiles {
    /// What is wrong with the certificates, keys and trusted certificates that a configuration
    /// names, those that are out of date included; each at the place that names it.
    public static func problems(of configuration: Configuration) -> [ConfigurationProblem] {
        TLSDirector.problems(of: configuration)
    }
}
