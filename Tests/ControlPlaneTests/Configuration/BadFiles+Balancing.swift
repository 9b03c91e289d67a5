/// What is refused of how a pool chooses among its replicas.
extension BadFile {
    static let balancing = [
        BadFile(
            pool("ejection: 5"),
            "5:15: ejection: found '5', accepted is on, off, or a mapping of failures, window,"
                + " requests, difference, time, time_max, share"),
        BadFile(
            pool("ejection: { difference: 20, share: 101%, requests: 2 }"),
            "5:29: difference: found '20', accepted is a share from 1% to 100%, such as 20%",
            "5:40: share: found '101%', accepted is a share from 0% to 100%, such as 20%",
            "5:56: requests: found '2', accepted is a number from 5 to 1000000"),
    ]
}
