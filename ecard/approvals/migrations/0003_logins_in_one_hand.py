"""The database notes which login had a hand in which other: made it, set its password, or let it approve.

The request's login is named on the connection as for the history of rules; what a shell or the system does is nobody's.
`approvals_note_login(login, what)` is there for tables of later apps that widen what a login may do.
"""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

NOTE = """
CREATE FUNCTION approvals_note_login(login bigint, what text) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    INSERT INTO approvals_loginchange (at, login_id, by_id, what)
    SELECT clock_timestamp(), login, hand.by_id, what
    FROM (SELECT NULLIF(current_setting('ecard.by', true), '')::integer AS by_id) AS hand
    WHERE hand.by_id IS NOT NULL AND hand.by_id <> login;
$$;

CREATE FUNCTION approvals_note_user() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        PERFORM approvals_note_login(NEW.id, 'made');
        RETURN NULL;
    END IF;
    IF NEW.password <> OLD.password THEN
        PERFORM approvals_note_login(NEW.id, 'password');
    END IF;
    IF (NEW.is_superuser AND NOT OLD.is_superuser) OR (NEW.is_staff AND NOT OLD.is_staff)
        OR (NEW.is_active AND NOT OLD.is_active) THEN
        PERFORM approvals_note_login(NEW.id, 'rights');
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER approvals_note_user AFTER INSERT OR UPDATE OF password, is_superuser, is_staff, is_active ON auth_user
    FOR EACH ROW EXECUTE FUNCTION approvals_note_user();

CREATE FUNCTION approvals_lets_approve(permission integer) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT 1 FROM auth_permission WHERE id = permission AND codename IN ('approve_policy', 'approve_run'));
$$;

CREATE FUNCTION approvals_note_right() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF approvals_lets_approve(NEW.permission_id) THEN
        PERFORM approvals_note_login(NEW.user_id, 'rights');
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER approvals_note_right AFTER INSERT ON auth_user_user_permissions
    FOR EACH ROW EXECUTE FUNCTION approvals_note_right();

CREATE FUNCTION approvals_note_member() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM auth_group_permissions AS given
               WHERE given.group_id = NEW.group_id AND approvals_lets_approve(given.permission_id)) THEN
        PERFORM approvals_note_login(NEW.user_id, 'rights');
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER approvals_note_member AFTER INSERT ON auth_user_groups
    FOR EACH ROW EXECUTE FUNCTION approvals_note_member();

CREATE FUNCTION approvals_note_group() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF approvals_lets_approve(NEW.permission_id) THEN
        PERFORM approvals_note_login(member.user_id, 'rights')
        FROM auth_user_groups AS member WHERE member.group_id = NEW.group_id;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER approvals_note_group AFTER INSERT ON auth_group_permissions
    FOR EACH ROW EXECUTE FUNCTION approvals_note_group();

CREATE FUNCTION approvals_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on % is refused: it is written once', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER approvals_is_for_ever BEFORE UPDATE OR DELETE OR TRUNCATE ON approvals_loginchange
    FOR EACH STATEMENT EXECUTE FUNCTION approvals_refuse_change();
"""

FORGET = """
DROP TRIGGER approvals_is_for_ever ON approvals_loginchange;
DROP TRIGGER approvals_note_user ON auth_user;
DROP TRIGGER approvals_note_right ON auth_user_user_permissions;
DROP TRIGGER approvals_note_member ON auth_user_groups;
DROP TRIGGER approvals_note_group ON auth_group_permissions;
DROP FUNCTION approvals_refuse_change(), approvals_note_group(), approvals_note_member(), approvals_note_right();
DROP FUNCTION approvals_lets_approve(integer), approvals_note_user(), approvals_note_login(bigint, text);
"""


def take_rights(apps, schema_editor):
    """The role that web, worker, demo and tests run as may only read what the triggers write."""
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [settings.ECARD_RUNTIME_ROLE])
        if cursor.fetchone() is None:
            return
    role = schema_editor.quote_name(settings.ECARD_RUNTIME_ROLE)
    schema_editor.execute(f"REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON approvals_loginchange FROM {role}")


def login(name):
    return (
        name,
        models.ForeignKey(
            db_constraint=False,
            db_index=False,
            on_delete=django.db.models.deletion.DO_NOTHING,
            related_name="+",
            to=settings.AUTH_USER_MODEL,
            verbose_name=name,
        ),
    )


class Migration(migrations.Migration):
    dependencies = [
        ("approvals", "0002_guards"),
        ("auth", "0012_alter_user_first_name_max_length"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="LoginChange",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField(verbose_name="at")),
                (
                    "what",
                    models.CharField(
                        choices=[
                            ("made", "made the login"),
                            ("password", "set its password"),
                            ("rights", "let it approve"),
                        ],
                        max_length=8,
                        verbose_name="what happened",
                    ),
                ),
                login("by"),
                login("login"),
            ],
            options={
                "verbose_name": "change of a login",
                "verbose_name_plural": "changes of logins",
                "default_permissions": (),
                "indexes": [models.Index(fields=["login", "-at"], name="approvals_loginchange_recent")],
            },
        ),
        migrations.RunSQL(NOTE, FORGET),
        migrations.RunPython(take_rights, migrations.RunPython.noop),
    ]
