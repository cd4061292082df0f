#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# deploy/mysql-accounts.sh [OPTION OF mariadb...]: the database of a cluster, and an account for
# each role with no more rights than it needs. Run it as the database's root; it may be repeated.
#
# Prints `cronjob_api PASSWORD` and so on for the accounts that it makes. An account that is there
# keeps its password, unless it is given one by CRONJOB_API_PASSWORD, CRONJOB_MANAGER_PASSWORD or
# CRONJOB_WORKER_PASSWORD. CRONJOB_DATABASE is another database's name, CRONJOB_HOSTS ('%') where
# the accounts may come from.
#
# manager  makes and upgrades the tables, and writes all that users change
# api      reads
# worker   claims runs and records what became of them; it sees no users and no tokens
set -eu

database=${CRONJOB_DATABASE:-cronjob}
hosts=${CRONJOB_HOSTS:-%}

case $database$hosts in
*[!A-Za-z0-9_.:%/-]*)
    echo "mysql-accounts: a name with other characters than A-Z a-z 0-9 _ . : % / -" >&2
    exit 2
    ;;
esac

exists() {
    mariadb "$@" -NBe "SELECT 1 FROM mysql.user WHERE user = '$account' AND host = '$hosts'"
}

# The account's password on standard output when it is a new one.
password_of() {
    case $1 in
    api) given=${CRONJOB_API_PASSWORD-} ;;
    manager) given=${CRONJOB_MANAGER_PASSWORD-} ;;
    worker) given=${CRONJOB_WORKER_PASSWORD-} ;;
    esac
    shift
    if [ -n "$given" ]; then
        case $given in
        *[!A-Za-z0-9_.~-]*)
            echo "mysql-accounts: a password with other characters than A-Z a-z 0-9 _ . ~ -" >&2
            exit 2
            ;;
        esac
        password=$given
    elif [ -z "$(exists "$@")" ]; then
        password=$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')
        echo "$account $password"
    else
        password=
    fi
}

# Rights on tables that are yet to be made: only with the one to make them can they be given.
on_tables() {
    rights=$1
    shift
    for table in "$@"; do
        echo "GRANT CREATE, $rights ON \`$database\`.\`$table\` TO $who;"
        echo "REVOKE CREATE ON \`$database\`.\`$table\` FROM $who;"
    done
}

rights_of() {
    case $1 in
    manager)
        echo "GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX, REFERENCES" \
            "ON \`$database\`.* TO $who;"
        ;;
    api)
        echo "GRANT SELECT ON \`$database\`.* TO $who;"
        ;;
    worker)
        on_tables 'SELECT' schema documents labels leader
        on_tables 'SELECT, UPDATE' jobs revisions
        on_tables 'SELECT, INSERT' outputs
        on_tables 'SELECT, INSERT, UPDATE' runs workers
        ;;
    esac
}

for role in manager api worker; do
    account=cronjob_$role
    who="'$account'@'$hosts'"
    password_of "$role" "$@"
    {
        echo "CREATE DATABASE IF NOT EXISTS \`$database\`;"
        if [ -n "$password" ]; then
            echo "CREATE USER IF NOT EXISTS $who IDENTIFIED BY '$password';"
            echo "ALTER USER $who IDENTIFIED BY '$password';"
        fi
        rights_of "$role"
    } | mariadb "$@"
done
