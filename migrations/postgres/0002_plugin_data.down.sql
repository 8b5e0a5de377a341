DROP TABLE plugin_migrations;
DROP TABLE pairs;
